"""Tables: TSV without a header or quotes, and CSV, whose first row names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import ClassVar

from lusifer.data.formats.base import Format, Problem, Row, Section, as_row
from lusifer.data.formats.text_lines import LONGEST, count_lines, lines, scan_lines
from lusifer.errors import DataError, LusiferError

DELIMITERS = ",;\t|"  # the first of equals
QUOTED = re.compile(r'"[^"]*"')


class TSV(Format):
    """Cells with tabs between; the columns must be named in order."""

    endings = (".tsv",)
    named: ClassVar[bool] = False

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        if not columns:
            raise LusiferError(
                f"{path}: a TSV has no header; name its columns in order, e.g. columns: [lang, english, text]"
            )
        for item in scan_lines(path):
            if isinstance(item, Problem):
                yield item
                continue
            number, text = item
            cells = text.split("\t")
            if len(cells) < len(columns):
                wanted = f"expected {len(columns)} ({', '.join(columns)})"
                yield Problem(path, number, f"{len(cells)} columns, {wanted}, separated by tabs")
                continue
            named = zip(columns, cells, strict=False)
            yield Row(path, number, {name: cell for name, cell in named if name != "_"})

    def count(self, path: str) -> int | None:
        return count_lines(path)

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        text = (line for _, line in lines(path))
        yield from _sections(path, csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE))


class CSV(Format):
    """Cells with commas between, quoted where they hold one; the first row names the columns."""

    endings = (".csv",)

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        csv.field_size_limit(LONGEST)
        problems = list[Problem]()
        texts = _texts(path, problems)
        first = next(texts, "")
        reader = csv.reader(chain([first], texts), strict=True, delimiter=delimiter(first))
        names: list[str] | None = None
        line = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Problem(path, line, f"not a table ({error})")
                line = reader.line_num + 1
                continue
            yield from problems
            problems.clear()
            if cells is None:
                return
            if names is None:
                names = cells
            elif cells and len(cells) != len(names):
                what = f"{len(cells)} cells; the header names {len(names)} ({', '.join(names)})"
                yield Problem(path, line, what)
            elif cells:
                yield as_row(path, line, dict(zip(names, cells, strict=True)), columns, numbers)
            line = reader.line_num + 1

    def count(self, path: str) -> int | None:
        return max(0, count_lines(path) - 1)

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        texts = (part for _, line in lines(path) for part in _parts(line))
        first = next(texts, "")
        reader = csv.reader(chain([first], texts), delimiter=delimiter(first))
        yield from _sections(path, reader)


def _texts(path: str, problems: list[Problem]) -> Iterator[str]:
    """The file's lines; what cannot be read is put aside, and an empty line in its place."""
    for item in scan_lines(path):
        if isinstance(item, Problem):
            problems.append(item)
            yield "\n"
        else:
            yield from _parts(item[1] + "\n")


def _parts(line: str) -> list[str]:
    """A line at the carriage returns in it, which end lines in files of old Macs."""
    return [part + "\n" for part in line.rstrip("\r\n").split("\r")] if "\r" in line else [line]


def delimiter(header: str) -> str:
    """What stands between the cells: of comma, semicolon, tab and bar that which the header has most.

    Args:
        header: the first line.
    """
    bare = QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


def _sections(path: Path, reader: Iterator[list[str]]) -> Iterator[Section]:
    """Each row as one text, its cells with letters joined by a bar."""
    csv.field_size_limit(LONGEST)
    try:
        for number, row in enumerate(reader, 1):
            cells = " | ".join(cell.strip() for cell in row if any(c.isalpha() for c in cell))
            if cells:
                yield Section(cells, number, "row")
    except csv.Error as error:
        at: int = reader.line_num  # type: ignore[attr-defined]
        raise DataError(path, at, f"not a table ({error})") from None
