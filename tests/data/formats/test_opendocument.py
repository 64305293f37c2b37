"""LibreOffice's files: text, slides and sheets, in five scripts."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError
from tests.data.formats.test_office import SCRIPTS

HEAD = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"><office:body>'
)
TAIL = "</office:body></office:document-content>"


def write(path: Path, body: str) -> Path:
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("content.xml", HEAD + body + TAIL)
    return path


def test_text(tmp_path: Path) -> None:
    paragraphs = "".join(f"<text:p>{text}</text:p>" for text in SCRIPTS)
    body = (
        f"<office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h>A<text:s/>title</text:h>{paragraphs}"
        "<text:list><text:list-item><text:p>an <text:span>item</text:span> of a list</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>a cell</text:p></table:table-cell></table:table-row></table:table></office:text>"
    )
    (section,) = list(sections(write(tmp_path / "a.odt", body)))
    assert section.text == "\n\n".join(["A title", *SCRIPTS, "an item of a list", "a cell"])
    assert section.position_at(section.text.index(SCRIPTS[3])) == 5
    (tmp_path / "a.fodt").write_text(HEAD + body + TAIL, encoding="utf-8")
    assert list(sections(tmp_path / "a.fodt")) == [section]


def test_slides_and_sheets(tmp_path: Path) -> None:
    slides = "".join(
        f"<draw:page><draw:frame><draw:text-box><text:p>{t}</text:p></draw:text-box></draw:frame></draw:page>"
        for t in SCRIPTS
    )
    found = list(
        sections(write(tmp_path / "a.odp", f"<office:presentation>{slides}</office:presentation>"))
    )
    assert [(s.text, s.position, s.unit) for s in found] == [
        (t, i, "slide") for i, t in enumerate(SCRIPTS, 1)
    ]
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = f"<table:table-row>{cell.format('one')}{cell.format('7')}</table:table-row><table:table-row table:number-rows-repeated='8'><table:table-cell/></table:table-row>"
    rows += "".join(f"<table:table-row>{cell.format(t)}</table:table-row>" for t in SCRIPTS)
    found = list(
        sections(
            write(
                tmp_path / "a.ods",
                f"<office:spreadsheet><table:table table:name='S'>{rows}</table:table></office:spreadsheet>",
            )
        )
    )
    assert [(s.text, s.position) for s in found] == [
        ("one | 7", 1),
        *((t, 10 + i) for i, t in enumerate(SCRIPTS)),
    ]


def test_without_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no text"):
        list(sections(write(tmp_path / "a.odt", "<office:text/>")))
    (tmp_path / "a.fodt").write_text("<a><b></a>")
    with pytest.raises(DataError, match="cannot be read"):
        list(sections(tmp_path / "a.fodt"))
