"""A corpus is read in one order, its bad rows told or set aside, and any shard can be begun with."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from lusifer.data.formats import Problem, Row
from lusifer.encoding.rows import Corpus, Shard, shards, shards_from, starts
from lusifer.errors import ConfigError, DataError, LusiferError

SAID = ["The ferry leaves.", "Die Fähre fährt.", "フェリーが出る。", "تغادر العبّارة.", "ฟεрry"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Good and bad rows, bad ones first, last, and several in a row."""
    good = [json.dumps({"text": f"{text} {i}"}) for i, text in enumerate(SAID * 2)]
    lines = ["{broken", *good[:3], '{"text": "  "}', '{"other": "x"}', *good[3:], "not json"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("\n".join([*SAID, "", "last"]) + "\n", encoding="utf-8")
    (tmp_path / "none.jsonl").write_text("{\n", encoding="utf-8")
    names = ("a.jsonl", "none.jsonl", "b.txt", "a.jsonl", "none.jsonl")
    return tuple(str(tmp_path / name) for name in names)


@pytest.mark.parametrize("size", [1, 3, 7, 13, 26, 100])
def test_from_any_shard_on_they_are_the_same(size: int, files: tuple[str, ...]) -> None:
    corpus = Corpus(files, skip_bad=True)
    whole, places = list(shards(corpus, size)), starts(corpus, size)
    assert len(places) == len(whole)
    for number in range(len(places)):
        assert list(shards_from(corpus, places, number, size)) == whole[number:]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_every_row_and_every_problem_is_in_one_shard_in_order(
    size: int, files: tuple[str, ...]
) -> None:
    corpus = Corpus(files, skip_bad=True)
    read = list(corpus.read())
    found = list(shards(corpus, size))
    rows = [row for shard in found for row in shard.rows]
    assert rows == [item for item in read if isinstance(item, Row)]
    assert [corpus.text_of(row) for row in rows[10:16]] == [*SAID, "last"]
    assert [p for shard in found for p in shard.problems] == [
        item for item in read if isinstance(item, Problem)
    ]
    assert [(s.number, s.first) for s in found] == [(i, i * size) for i in range(len(found))]
    assert {len(shard.rows) for shard in found[:-1]} <= {size}


def test_nothing_good_is_one_empty_shard_and_no_row_at_all_is_none(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{\n{\n", encoding="utf-8")
    (tmp_path / "none.txt").write_text("", encoding="utf-8")
    bad, none = (Corpus((str(tmp_path / n),), skip_bad=True) for n in ("bad.jsonl", "none.txt"))
    (shard,) = shards(bad, 5)
    assert (shard.rows, len(shard.problems)) == ([], 2)
    assert list(shards_from(bad, starts(bad, 5), 0, 5)) == [shard]
    assert list(shards(none, 5)) == list[Shard]()
    assert starts(none, 5) == []
    with pytest.raises(DataError, match=r"none\.txt: the file is empty"):
        list(Corpus((str(tmp_path / "none.txt"),)).read())


def test_a_strict_corpus_stops_at_the_first_bad_row_with_its_place(tmp_path: Path) -> None:
    for bad, said in (
        ('{"text": " \\u3000", "id": "2"}', "a row without text"),
        ('{"text": "cut \\ud83d", "id": "2"}', "half a character"),
        ('{"text": "ok", "id": "\\udc00"}', "half a character"),
        ("nonsense", "not JSON"),
    ):
        file = tmp_path / "a.jsonl"
        file.write_text(f'{{"text": "पहला", "id": "1"}}\n{bad}\n', encoding="utf-8")
        with pytest.raises(DataError, match=rf"a\.jsonl:2: {said}") as told:
            list(Corpus((str(file),), keep=("id",)).read())
        assert told.value.line == 2


def test_what_is_kept_comes_with_its_text_from_every_format(tmp_path: Path) -> None:
    parquet.write_table(
        pa.table({"id": [1, 2], "body": SAID[:2], "more": ["x", "y"]}), tmp_path / "a.parquet"
    )
    (tmp_path / "a.tsv").write_text(f"3\t{SAID[2]}\tz\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text(f"more,id,body\nz,4,{SAID[3]}\n", encoding="utf-8")
    for name, columns, due in (
        ("a.parquet", (), [("1", SAID[0]), ("2", SAID[1])]),
        ("a.tsv", ("id", "body", "_"), [("3", SAID[2])]),
        ("a.csv", (), [("4", SAID[3])]),
    ):
        corpus = Corpus((str(tmp_path / name),), "body", ("id",), columns)
        rows = [row for row in corpus.read() if isinstance(row, Row)]
        assert [(row.values["id"], corpus.text_of(row)) for row in rows] == due
        assert corpus.count() == len(due)


def test_settings_that_fit_no_file_are_one_line(tmp_path: Path) -> None:
    for name in ("a.txt", "a.tsv"):
        (tmp_path / name).write_text("one\ttwo\n", encoding="utf-8")
    line, table = str(tmp_path / "a.txt"), str(tmp_path / "a.tsv")
    for make, said in (
        (lambda: Corpus(()), "there is no file to encode"),
        (lambda: Corpus((table,), columns=("a", "b")), "the column 'text' is none of"),
        (lambda: Corpus((table,), keep=("vector",)), "cannot be kept: a shard has one of its own"),
        (lambda: list(Corpus((line,), keep=("id",)).read()), "no column 'id' to keep"),
        (lambda: list(Corpus((line,), "body").read()), "there is no column 'body'"),
        (lambda: list(Corpus((table,)).read()), "a TSV has no header"),
    ):
        with pytest.raises(ConfigError, match=said) as told:
            make()
        assert isinstance(told.value, LusiferError)
        assert "\n" not in str(told.value)
