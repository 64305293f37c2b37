"""Documents of LibreOffice: text, slides and sheets, whose text is in one XML part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

from lusifer.data.formats.base import Format, Problem, Section, joined, some_text
from lusifer.data.formats.zipped import opened
from lusifer.errors import DataError

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
BLOCKS = (f"{TEXT}p", f"{TEXT}h")
SPACES = {f"{TEXT}s": " ", f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}
HIDDEN = (f"{TEXT}tracked-changes", f"{TEXT}sequence-decls", f"{OFFICE}annotation")


class OpenDocument(Format):
    """Paragraphs of a text, slides, or rows of a sheet."""

    endings: ClassVar[tuple[str, ...]] = (".odt", ".odp", ".ods", ".ott", ".fodt")
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        what = "an OpenDocument file"
        if path.suffix.lower() == ".fodt":
            try:
                root = ElementTree.parse(path).getroot()
            except ElementTree.ParseError as error:
                raise DataError(path, None, f"{what} that cannot be read ({error})") from None
        else:
            with opened(path, what) as parts:
                root = ElementTree.fromstring(parts.read("content.xml"))
        yield from some_text(_sections(root), path)


def _sections(root: ElementTree.Element) -> Iterator[Section]:
    body = root.find(f".//{OFFICE}body")
    if body is None:
        return
    slides = body.findall(f".//{DRAW}page")
    sheets = body.findall(f".//{OFFICE}spreadsheet/{TABLE}table")
    if slides:
        for number, slide in enumerate(slides, 1):
            text = "\n\n".join(_paragraphs(slide))
            if text.strip():
                yield Section(text, number, "slide")
    elif sheets:
        for sheet in sheets:
            name = sheet.get(f"{TABLE}name", "")
            yield from _rows(sheet, f"{name} row" if len(sheets) > 1 else "row")
    else:
        yield from joined(enumerate(_paragraphs(body), 1), "paragraph")


def _rows(sheet: ElementTree.Element, unit: str) -> Iterator[Section]:
    number = 0
    for row in sheet.iter(f"{TABLE}table-row"):
        number += 1
        cells = [" ".join(_paragraphs(cell)) for cell in row.iter(f"{TABLE}table-cell")]
        if any(any(c.isalpha() for c in cell) for cell in cells):
            yield Section(" | ".join(cell for cell in cells if cell.strip()), number, unit)
        number += int(row.get(f"{TABLE}number-rows-repeated", "1")) - 1


def _paragraphs(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        if child.tag in HIDDEN:
            continue
        if child.tag in BLOCKS:
            yield _text(child).strip()
        else:
            yield from _paragraphs(child)


def _text(element: ElementTree.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        if child.tag not in HIDDEN:
            parts.append(SPACES.get(child.tag) or _text(child))
        parts.append(child.tail or "")
    return "".join(parts)
