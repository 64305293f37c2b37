"""Files as people have them: what is read, at which place, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lusifer.data.formats import Problem
from lusifer.data.sections import sections
from lusifer.errors import DataError

PDF_PAGE = "BT /F1 12 Tf 20 100 Td ({}) Tj ET"


def write_pdf(path: Path, pages: list[str]) -> None:
    """A small PDF, a line of text a page, written by hand."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for text in pages:
        stream = PDF_PAGE.format(text) if text else ""
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        content = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents {content} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = "%PDF-1.4\n", []
    for number, entry in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{entry}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\n"
    path.write_bytes(f"{body}startxref\n{body.index('xref')}\n%%EOF\n".encode())


def read(path: Path) -> list[tuple[str, int, str]]:
    return [(s.text, s.position, s.unit) for s in sections(path)]


def test_each_kind_is_read_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Ferry\n\nIt leaves at six.\n", encoding="utf-8")
    assert read(tmp_path / "a.md") == [("# Ferry\n\nIt leaves at six.\n", 1, "line")]
    (tmp_path / "b.csv").write_text('id,text\n7,"One, two"\n8,"three\nfour"\n', encoding="utf-8")
    assert read(tmp_path / "b.csv") == [
        ("id | text", 1, "row"),
        ("One, two", 2, "row"),
        ("three\nfour", 3, "row"),
    ]
    (tmp_path / "c.tsv").write_text('1\tsaid "no"\tyes\n', encoding="utf-8")
    assert read(tmp_path / "c.tsv") == [('said "no" | yes', 1, "row")]
    (tmp_path / "d.jsonl").write_text(
        json.dumps({"n": 3, "title": "T", "tags": ["x", {"y": "z"}]}) + "\n\n", encoding="utf-8"
    )
    assert read(tmp_path / "d.jsonl") == [("T\nx\nz", 1, "row")]
    write_pdf(tmp_path / "e.pdf", ["The first page", "", "The third page"])
    assert read(tmp_path / "e.pdf") == [
        ("The first page", 1, "page"),
        ("The third page", 3, "page"),
    ]
    (tmp_path / "f.txt").write_text("Größe", encoding="utf-16")
    assert read(tmp_path / "f.txt") == [("Größe", 1, "line")]
    (tmp_path / "g.txt").write_bytes(b"\xef\xbb\xbfWith a mark")
    assert read(tmp_path / "g.txt") == [("With a mark", 1, "line")]


def test_a_large_file_comes_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lusifer.data.formats.plain.BLOCK", 50)
    text = "".join(f"A line of number {i}.\n\n" for i in range(30))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    found = list(sections(tmp_path / "a.txt"))
    assert "".join(s.text for s in found) == text
    assert len(found) > 5
    lines = text.splitlines()
    assert all(
        lines[s.position_at(s.text.index("A")) - 1].startswith("A line")
        for s in found
        if s.text.strip()
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"text\n\x00\x01\x02", "a.txt:2: a NUL byte: binary data"),
        ("a.txt", b"fine\nna\xefve", "a.txt:2: not UTF-8 (byte 3 of the line is 0xef)"),
        ("a.txt", b"x" * 400, "a.txt:1: the line is longer"),
        ("a.parquet", b"PAR?", "a.parquet: not a readable Parquet file"),
        ("a.pdf", b"%PDF-1.4 nothing", "a.pdf: a PDF that cannot be read"),
        ("a.exe", b"MZ", "a.exe: unknown format"),
    ],
)
def test_what_is_no_text_is_told(
    name: str, content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lusifer.data.formats.text_lines.LONGEST", 300)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        list(sections(tmp_path / name))
    assert str(error.value).startswith(str(tmp_path / message.split(":")[0]))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": ', "not JSON"),
        ('{"a": "cut emoji \\ud83d"}', "half a character"),
        ('{"a": 1' + "0" * 5000 + ', "b": "x"}', "JSON that cannot be read"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "JSON that cannot be read"),
        ('{"a": "b"', "not JSON"),
    ],
)
def test_one_bad_row_is_named_and_the_others_are_read(
    line: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"a": "Tea is hot."}}\n{line}\n{{"a": "Bread is warm."}}\n')
    first, wrong, last = sections(file)
    assert isinstance(wrong, Problem)
    assert (wrong.path, wrong.line) == (str(file), 2)
    assert message in wrong.what
    assert [s.text for s in (first, last)] == ["Tea is hot.", "Bread is warm."]
