"""Formats: what search reads can be trained on, and the other way round, compressed or in UTF-16."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from lusifer.data.formats import Problem, Row, file_formats, format_of
from lusifer.data.rows import read_rows, scan_rows
from lusifer.data.sections import sections
from lusifer.errors import DataError


def test_a_csv_names_its_columns_and_quotes_its_cells(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        'id,text,score\n1,"Größe, neu",0.5\n2,"zwei\nZeilen",\n\n3,""\n', encoding="utf-8-sig"
    )
    items = list(scan_rows(str(file), ["text"]))
    assert items[:2] == [
        Row(str(file), 2, {"text": "Größe, neu"}),
        Row(str(file), 3, {"text": "zwei\nZeilen"}),
    ]
    assert items[2] == Problem(str(file), 6, "2 cells; the header names 3 (id, text, score)")
    assert next(item.values for item in scan_rows(str(file)) if isinstance(item, Row)) == {
        "id": "1",
        "text": "Größe, neu",
        "score": "0.5",
    }


def test_what_is_wrong_in_a_csv_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,text\n1,na\xefve\n2,fine\n")
    problem, row = scan_rows(str(file))
    assert isinstance(problem, Problem)
    assert "not UTF-8" in problem.what
    assert isinstance(row, Row)
    assert row.values == {"id": "2", "text": "fine"}
    file.write_text("id,text\n1,one\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.csv:2: no key 'title'; the keys are id, text"):
        list(read_rows(str(file), ["title"]))


@pytest.mark.parametrize("text", ["Größe", "Öğüt", "मौसम", "天気", "طقس"])
def test_utf_16_with_its_mark_is_read_by_rows_and_by_sections(text: str, tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig", "utf-8"):
        (tmp_path / "a.tsv").write_text(f"x\t{text}\r\ny\t{text}\r\n", encoding=encoding)
        rows = [row.values for row in read_rows(str(tmp_path / "a.tsv"), ["_", "text"])]
        assert rows == [{"text": text}] * 2
        assert [s.text for s in sections(tmp_path / "a.tsv")] == [f"x | {text}", f"y | {text}"]


def test_compressed_files_are_read_by_both(tmp_path: Path) -> None:
    text = b"Un\n\nDeux\n"
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text))
    (tmp_path / "a.md.xz").write_bytes(lzma.compress(text))
    assert [row.values["text"] for row in read_rows(str(tmp_path / "a.txt.gz"))] == [
        *("Un", "", "Deux")
    ]
    for name in ("a.txt.gz", "a.md.xz"):
        assert [s.text for s in sections(tmp_path / name)] == ["Un\n\nDeux\n"]
    (tmp_path / "b.txt.xz").write_bytes(lzma.compress(text * 1000)[:-40])
    with pytest.raises(DataError, match=r"b\.txt\.xz:\d+: the compressed file is damaged"):
        list(sections(tmp_path / "b.txt.xz"))


def test_what_has_no_rows_names_the_formats_that_have(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Title\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no rows; formats with rows are .*\.jsonl"):
        list(read_rows(str(tmp_path / "a.md")))
    with pytest.raises(DataError, match=r"unknown format; the endings are .*\.pdf"):
        format_of("a.doc")


def test_no_two_formats_share_an_ending() -> None:
    known = file_formats()
    assert len(known) == sum(len(endings) for endings in {one.endings for one in known.values()})
