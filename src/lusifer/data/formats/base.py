"""What a file format gives: rows for training, sections for search."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from lusifer.errors import DataError

LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Row:
    """One record: the file and line that it stands at, and its columns, by name."""

    path: str
    line: int
    values: dict[str, str]


@dataclass(frozen=True)
class Problem:
    """One bad line; `ends`: nothing after it can be read."""

    path: str
    line: int | None
    what: str
    ends: bool = False


@dataclass(frozen=True)
class Section:
    """A stretch of text, and the line, row or page (from 1) that it begins at.

    `marks` are (offset, line) of blocks whose lines are not those of `text`.
    """

    text: str
    position: int
    unit: str
    marks: tuple[tuple[int, int], ...] = ()

    def position_at(self, offset: int) -> int:
        """The line, row or page of a character of the text."""
        if self.marks:
            return self.marks[max(0, bisect_right(self.marks, (offset, 1 << 60)) - 1)][1]
        return self.position + (
            bisect_right(self._line_starts, offset) if self.unit == "line" else 0
        )

    @cached_property
    def _line_starts(self) -> list[int]:
        """Where each line but the first begins, found once: a text has thousands of passages."""
        return [end.end() for end in LINE_END.finditer(self.text)]


class Format:
    """A kind of file, known by the endings of its name, without that of a compression.

    `named`: a file says itself what its columns are called; else they must be named in order.
    `column`: the one column that each file has, if it is so. `has_rows`: it can be trained on.
    """

    endings: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = True
    column: ClassVar[str | None] = None
    has_rows: ClassVar[bool] = True

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        """The file's records, streamed, and what is wrong with it, in order.

        Args:
            path: of a disk or an object store.
            columns: those wanted, or all with text; where the file does not name them, all in
                order, and `_` for one to skip.
            numbers: columns that may hold numbers or nothing, as text then.
        """
        raise DataError(path, None, f"a {self.endings[0]} file has no rows")

    def count(self, path: str) -> int | None:
        """About how many rows a file has, for a progress line; None where it cannot be told."""
        return None

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        """The file's text, streamed, and what is wrong with one of its rows, in order.

        Args:
            path: of a disk.

        Raises:
            DataError: where it cannot be read.
        """
        raise DataError(path, None, f"a {self.endings[0]} file has no text to search")


def joined(parts: Iterable[tuple[int, str]], unit: str) -> Iterator[Section]:
    """Parts of a text with their positions as one section, with a blank line between; none where
    they hold no text.
    """
    texts, marks, length = list[str](), list[tuple[int, int]](), 0
    for position, text in parts:
        if not text.strip():
            continue
        marks.append((length, position))
        texts.append(text)
        length += len(text) + 2
    if texts:
        yield Section("\n\n".join(texts), marks[0][1], unit, tuple(marks))


def some_text(
    found: Iterable[Section | Problem], path: Path, what: str = "text"
) -> Iterator[Section | Problem]:
    """The sections of a document. Raises DataError where there are none."""
    empty = True
    for item in found:
        empty = empty and isinstance(item, Problem)
        yield item
    if empty:
        raise DataError(path, None, f"holds no {what}")


def as_row(
    path: str,
    number: int,
    value: dict[str, Any],
    columns: Sequence[str] | None,
    numbers: Sequence[str] = (),
) -> Row | Problem:
    """A record of named values as a row."""
    wanted = [c for c in columns or value if c != "_"]
    values: dict[str, str] = {}
    for column in wanted:
        if column not in value:
            keys = ", ".join(map(str, value))
            return Problem(path, number, f"no key {column!r}; the keys are {keys}")
        if column in numbers and (value[column] is None or isinstance(value[column], int | float)):
            values[column] = "" if value[column] is None else json.dumps(value[column])
            continue
        if (text := _cell(value[column])) is None:
            if not columns:  # nobody asked for it by name, and it is no text
                continue
            kind = type(value[column]).__name__
            return Problem(path, number, f"{column!r} is {kind}, expected text")
        values[column] = text
    return Row(path, number, values)


def _cell(value: Any) -> str | None:
    """A cell as text: a list of numbers (scores) as numbers with spaces between; None for what is
    neither.
    """
    if isinstance(value, str):
        return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    ):
        return " ".join(map(repr, value))
    return None


def strings(value: Any) -> Iterator[str]:
    """All strings with a letter in them, in order, at any depth."""
    if isinstance(value, str):
        if any(c.isalpha() for c in value):
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
