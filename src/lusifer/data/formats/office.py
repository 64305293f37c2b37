"""Documents of Word, PowerPoint and Excel, by python-docx, python-pptx and openpyxl."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from lusifer.data.formats.base import Format, Problem, Section, joined, some_text
from lusifer.data.formats.zipped import opened
from lusifer.errors import DataError, LusiferError, MissingExtra


@contextlib.contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    """What the libraries raise on a damaged file, as one line."""
    with opened(path, what):
        pass
    try:
        yield
    except LusiferError:
        raise
    except ModuleNotFoundError as error:  # one such file must not end a run over many
        missing = MissingExtra(error.name or "python-docx", "office")
        raise DataError(path, None, str(missing)) from None
    except Exception as error:  # each library raises many kinds
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(path, None, f"{what} that cannot be read ({said})") from None


class Word(Format):
    """Paragraphs and tables in their order; notes, heads and feet of pages are left out."""

    endings: ClassVar[tuple[str, ...]] = (".docx", ".docm")
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        with _readable(path, "a Word document"):
            import docx

            document = docx.Document(str(path))
            parts = list(enumerate(_paragraphs(document), 1))
        yield from some_text(joined(parts, "paragraph"), path)


def _paragraphs(document: Any) -> Iterator[str]:
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            yield from _table(item)
        else:
            yield item.text


def _table(table: Any) -> Iterator[str]:
    for row in table.rows:
        cells = list[str]()
        for cell in row.cells:
            text = " ".join(cell.text.split())
            if text and (not cells or cells[-1] != text):  # a wide cell stands once for each column
                cells.append(text)
        yield " | ".join(cells)


class PowerPoint(Format):
    """Slide by slide: titles, texts, tables, and the speaker's notes."""

    endings: ClassVar[tuple[str, ...]] = (".pptx", ".pptm")
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        with _readable(path, "a PowerPoint document"):
            import pptx

            slides = list(pptx.Presentation(str(path)).slides)
            parts = [(number, "\n\n".join(_slide(slide))) for number, slide in enumerate(slides, 1)]
        found = (Section(text, number, "slide") for number, text in parts if text.strip())
        yield from some_text(found, path)


def _slide(slide: Any) -> Iterator[str]:
    yield from _shapes(slide.shapes)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame:
        yield slide.notes_slide.notes_text_frame.text


def _shapes(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):  # a group
            yield from _shapes(shape.shapes)
        elif getattr(shape, "has_table", False) and shape.has_table:
            for row in shape.table.rows:
                yield " | ".join(" ".join(cell.text.split()) for cell in row.cells)
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield shape.text_frame.text


class Excel(Format):
    """Row by row, the values as they were last computed; a sheet's name before its first row."""

    endings: ClassVar[tuple[str, ...]] = (".xlsx", ".xlsm")
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        with _readable(path, "an Excel document"):
            import openpyxl

            book = openpyxl.load_workbook(str(path), read_only=True, data_only=True)
            try:
                yield from some_text(_rows(book), path)
            finally:
                book.close()


def _rows(book: Any) -> Iterator[Section]:
    several = len(book.worksheets) > 1
    for sheet in book.worksheets:
        unit = f"{sheet.title} row" if several else "row"
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = [" ".join(str(v).split()) for v in row if v is not None]
            if any(any(c.isalpha() for c in cell) for cell in cells):
                yield Section(" | ".join(cells), number, unit)
