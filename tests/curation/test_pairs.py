"""Pairs as every step of curation reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lusifer.curation.pairs import EMPTY, SAME, as_it_was, output_name, read_pairs, read_passages
from lusifer.curation.report import CurationReport
from lusifer.data import Row
from lusifer.errors import LusiferError


def written(folder: Path, *rows: dict[str, str]) -> str:
    file = folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def test_what_is_no_pair_is_counted_and_left_out(tmp_path: Path) -> None:
    report = CurationReport("try", {})
    file = written(
        tmp_path,
        {"query": "où ?", "document": " ici \n"},
        {"query": " ", "document": "ici"},
        {"query": "où ?", "document": "\u3000"},
        {"query": "駅", "document": " 駅 "},
    )
    rows = list(read_pairs([file], None, {}, report))
    assert [(row.line, row.values["document"]) for row in rows] == [(1, "ici")]
    assert (report.read, dict(report.dropped)) == (4, {EMPTY: 2, SAME: 1})


def test_columns_of_other_names_are_renamed_or_told(tmp_path: Path) -> None:
    file = written(tmp_path, {"question": "où ?", "answer": "ici", "id": "7"})
    names = {"question": "query", "answer": "document"}
    (row,) = read_pairs([file], None, names, CurationReport("try", {}))
    assert row.values == {"query": "où ?", "document": "ici", "id": "7"}
    with pytest.raises(LusiferError, match=r"no column 'query'; its columns are question, answer"):
        list(read_pairs([file], None, {}, CurationReport("try", {})))


@pytest.mark.parametrize("name", ["a.tsv", "a", "a.jsonl.gz", "a.json"])
def test_an_output_is_json_lines(name: str) -> None:
    with pytest.raises(LusiferError, match=r"name it with \.jsonl"):
        output_name(name)
    assert output_name("a.jsonl") == Path("a.jsonl")


def test_scores_are_numbers_again() -> None:
    row = Row("a", 1, {"query": "q", "document": "d", "scores": "0.5 -1 1e-3"})
    assert as_it_was(row)["scores"] == [0.5, -1.0, 0.001]
    assert "scores" not in as_it_was(Row("a", 1, {"query": "q", "document": "d"}))


@pytest.mark.parametrize("name", ["a.txt", "a.tsv", "a.jsonl"])
def test_further_passages_come_from_every_kind_of_file(name: str, tmp_path: Path) -> None:
    line = json.dumps({"text": "Un texte."}) if name.endswith("jsonl") else "Un texte."
    (tmp_path / name).write_text(line + "\n", encoding="utf-8")
    (row,) = read_passages([str(tmp_path / name)], {})
    assert row.values["document"] == "Un texte."


@pytest.mark.parametrize(
    "second",
    ['{"query": "b", "document": null}', '{"query": "b"}', '{"query": "b", "document": 5}'],
)
def test_one_row_without_a_side_is_counted_and_the_others_are_read(
    second: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    good = '{"query": "a", "document": "d"}\n'
    file.write_text(f"{good}{second}\n\n{good}", encoding="utf-8")
    report = CurationReport("try", {})
    assert [row.line for row in read_pairs([str(file)], None, {}, report)] == [1, 4]
    assert dict(report.dropped) == {EMPTY: 1}
