"""Word, PowerPoint and Excel files: text in its order, in five scripts, with its place; damaged and
locked ones are told in one line.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError

SCRIPTS = ["Où est la gare ?", "स्टेशन कहाँ है?", "أين المحطة؟", "駅はどこですか", "Где вокзал?"]


def read(path: Path) -> list[Any]:
    return list(sections(path))


def test_word(tmp_path: Path) -> None:
    import docx

    document = docx.Document()
    document.add_heading("A title", 1)
    document.add_paragraph(SCRIPTS[0])
    table = document.add_table(2, 2)
    for i, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = ["name", SCRIPTS[1], "place", SCRIPTS[2]][i]
    for text in SCRIPTS[3:]:
        document.add_paragraph(text)
    document.save(tmp_path / "a.docx")
    (section,) = read(tmp_path / "a.docx")
    expected = [
        "A title",
        SCRIPTS[0],
        f"name | {SCRIPTS[1]}",
        f"place | {SCRIPTS[2]}",
        *SCRIPTS[3:],
    ]
    assert section.text == "\n\n".join(expected)
    assert section.unit == "paragraph"
    assert section.position_at(section.text.index(SCRIPTS[4])) == 6


def test_powerpoint(tmp_path: Path) -> None:
    import pptx

    show = pptx.Presentation()
    for text in SCRIPTS:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = f"Title of {text}"
        slide.placeholders[1].text = text
        slide.notes_slide.notes_text_frame.text = f"say {text}"
    show.slides.add_slide(show.slide_layouts[6])
    show.save(tmp_path / "a.pptx")
    found = read(tmp_path / "a.pptx")
    assert [section.position for section in found] == [1, 2, 3, 4, 5]
    for section, text in zip(found, SCRIPTS, strict=True):
        assert section.unit == "slide"
        assert section.text == f"Title of {text}\n\n{text}\n\nsay {text}"


def test_excel(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for i, text in enumerate(SCRIPTS):
        book.active.append([i, text, None, f"so {text}"])
    book.active.append([1, 2, 3])
    more = book.create_sheet("Zweites")
    more.append([None, "alone"])
    book.save(tmp_path / "a.xlsx")
    found = read(tmp_path / "a.xlsx")
    assert [section.text for section in found] == [
        *(f"{i} | {t} | so {t}" for i, t in enumerate(SCRIPTS)),
        "alone",
    ]
    assert [section.position for section in found] == [1, 2, 3, 4, 5, 1]
    assert {section.unit for section in found} == {"Sheet row", "Zweites row"}


@pytest.mark.parametrize("ending", [".docx", ".pptx", ".xlsx"])
def test_what_cannot_be_read(tmp_path: Path, ending: str) -> None:
    contents = {
        "text": (b"just text", "damaged"),
        "old": (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "encrypted, or of an Office before 2007",
        ),
        "empty": (b"", "damaged"),
    }
    for name, (content, said) in contents.items():
        (tmp_path / f"{name}{ending}").write_bytes(content)
        with pytest.raises(DataError, match=said):
            read(tmp_path / f"{name}{ending}")
    with zipfile.ZipFile(tmp_path / f"other{ending}", "w") as parts:
        parts.writestr("readme.txt", "no document")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / f"other{ending}")


def test_a_document_without_text(tmp_path: Path) -> None:
    import docx
    import openpyxl
    import pptx

    docx.Document().save(tmp_path / "a.docx")
    pptx.Presentation().save(tmp_path / "a.pptx")
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    for name in ("a.docx", "a.pptx", "a.xlsx"):
        with pytest.raises(DataError, match="holds no text"):
            read(tmp_path / name)


def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import docx

    docx.Document().save(tmp_path / "a.docx")
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(
        DataError, match=r"a.docx: this needs the package 'docx': .*lusifer\[office\]"
    ):
        read(tmp_path / "a.docx")
