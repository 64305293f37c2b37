"""Pivoting: pairs are of texts that share a translation, each drawn by hashes, none with itself."""

from __future__ import annotations

import json
import sqlite3
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lusifer.curation import pivot
from lusifer.curation.pivot import Pivot, paired, pivot_pairs
from lusifer.curation.report import CurationReport
from lusifer.errors import DataError, LusiferError
from lusifer.text import comparable

ROWS = [
    ("deu_Latn", "Where is the railway station?", "Wo ist der Bahnhof?"),
    ("deu_Latn", "where is the railway station", "Wo liegt der Bahnhof?"),
    ("deu_Latn", "Where is the railway station?", "wo ist der Bahnhof"),
    ("rus_Cyrl", "Where is the railway station?", "Где находится вокзал?"),
    ("jpn_Jpan", "The market is open on Sundays.", "市場は日曜日に開いています。"),
    ("jpn_Jpan", "On Sundays the market is open.", "市場は日曜日に開いています。"),
    ("fra_Latn", "Yes.", "Oui."),
    ("ita_Latn", "Yes.", "Sì."),
]
COLUMNS = ["language", "english", "text"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "parallel.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(path)


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def pairs_of(rows: list[dict[str, Any]]) -> set[frozenset[str]]:
    return {frozenset((row["query"], row["document"])) for row in rows}


def test_texts_of_one_english_meet_whatever_its_case_and_marks(file: str, tmp_path: Path) -> None:
    report = pivot_pairs([file], tmp_path / "out.jsonl", columns=COLUMNS)
    rows = read(tmp_path / "out.jsonl")
    found = pairs_of(rows)
    assert {len(pair) for pair in found} == {2}
    german = [p for p in found if all("ahnhof" in t for t in p)]
    assert len(german) == 1
    assert "Wo liegt der Bahnhof?" in next(iter(german))  # the other two are one to a reader
    assert len(found) == 3
    for row in rows:
        assert ("Cyrl" in row["language"]) == ("Где" in row["document"])
        assert ("Cyrl" in row["query_language"]) == ("Где" in row["query"])
    assert (report.read, report.written) == (8, 3)
    assert report.dropped["a pivot shorter than min_chars"] == 2
    assert (
        json.loads((tmp_path / "out.jsonl.report.json").read_text())["settings"]["by"] == "english"
    )


@pytest.mark.parametrize(("kind", "many"), [("paraphrases", 1), ("translations", 2)])
def test_of_one_language_or_of_two(kind: Any, many: int, file: str, tmp_path: Path) -> None:
    pivot_pairs([file], tmp_path / "out.jsonl", Pivot(kind=kind), columns=COLUMNS)
    rows = read(tmp_path / "out.jsonl")
    assert len(rows) == many
    assert {row["language"] == row["query_language"] for row in rows} == {kind == "paraphrases"}


def test_by_the_other_side_english_meets_english(file: str, tmp_path: Path) -> None:
    settings = Pivot(by="text", min_chars=5)
    pivot_pairs([file], tmp_path / "out.jsonl", settings, columns=COLUMNS)
    (row,) = read(tmp_path / "out.jsonl")
    assert {row["query"], row["document"]} == {ROWS[4][1], ROWS[5][1]}
    assert row["language"] == row["query_language"] == "eng_Latn"


@given(
    texts=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.text(min_size=1, max_size=6)), max_size=30
    ),
    per=st.integers(1, 9),
    kind=st.sampled_from(["any", "paraphrases", "translations"]),
    most=st.integers(2, 40),
)
def test_of_a_pivot_as_many_as_there_are_and_no_more_than_asked(
    texts: list[tuple[str, str]], per: int, kind: Any, most: int
) -> None:
    settings = Pivot(kind=kind, per_pivot=per, most=most)
    found = list(paired(texts, settings, CurationReport("pivot", {})))
    assert found == list(paired(reversed(texts), settings, CurationReport("pivot", {}))) or len(
        {(lang, comparable(t)) for lang, t in texts}
    ) < len(set(texts))  # of texts that are one to a reader the first stands for them
    seen = {frozenset(((a[0], comparable(a[1])), (b[0], comparable(b[1])))) for a, b in found}
    assert len(seen) == len(found) <= per
    assert all(len(pair) == 2 for pair in seen)
    distinct = sorted({(lang, comparable(t)) for lang, t in texts})
    if len(distinct) <= most:
        fitting = [
            pair
            for pair in combinations(distinct, 2)
            if kind == "any" or (pair[0][0] == pair[1][0]) == (kind == "paraphrases")
        ]
        assert len(found) == min(per, len(fitting))


def test_the_seed_draws_others(tmp_path: Path) -> None:
    texts = [("a", f"text {i}") for i in range(40)]
    one, other = (list(paired(texts, Pivot(seed=s), CurationReport("pivot", {}))) for s in (0, 1))
    assert one != other


def test_wrong_input_is_one_line_and_leaves_nothing(file: str, tmp_path: Path) -> None:
    out = tmp_path / "made" / "out.jsonl"
    out.parent.mkdir()
    with pytest.raises(
        LusiferError, match="no column 'english'; its columns are language, a, text"
    ):
        pivot_pairs([file], out, columns=["language", "a", "text"])
    with pytest.raises(LusiferError, match="no two texts share a pivot"):
        pivot_pairs([file], out, Pivot(min_chars=500), columns=COLUMNS)
    with pytest.raises(DataError, match=r"nowhere\.tsv"):
        pivot_pairs([str(tmp_path / "nowhere.tsv")], out, columns=COLUMNS)
    jsonl = tmp_path / "in.jsonl"
    jsonl.write_text('{"english": "a", "text": "b"}\n', encoding="utf-8")
    with pytest.raises(LusiferError, match="is read too"):
        pivot_pairs([str(jsonl)], jsonl)
    for wrong in ({"per_pivot": 0}, {"min_chars": 0}, {"most": 1}):
        with pytest.raises(LusiferError, match=next(iter(wrong))):
            Pivot(**wrong)  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="there are no translations"):
        Pivot(by="text", kind="translations")
    assert not list(out.parent.iterdir())
    with pytest.raises(LusiferError, match="no two texts share a pivot"):
        pivot_pairs([file], tmp_path / "new" / "out.jsonl", Pivot(min_chars=500), columns=COLUMNS)
    assert not (tmp_path / "new").exists()


def test_a_folder_is_made_and_a_row_without_a_side_is_counted(tmp_path: Path) -> None:
    rows = [
        {"english": "Where is the railway station?", "text": "Wo ist der Bahnhof?"},
        {"english": "Where is the railway station?"},
        {"english": "Where is the railway station?", "text": " "},
        {"english": "Where is the railway station?", "text": "Où est la gare ?"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = pivot_pairs([str(file)], tmp_path / "new" / "deep" / "out.jsonl")
    assert (report.read, report.written) == (4, 1)
    assert report.dropped == {"an empty text": 2}


def test_a_disk_that_is_full_while_rows_are_sorted_is_one_line(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **settings: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(pivot, "_write", full)
    with pytest.raises(LusiferError, match=r"out\.jsonl: rows could not be sorted \(.*full"):
        pivot_pairs([file], tmp_path / "out.jsonl", columns=COLUMNS)
