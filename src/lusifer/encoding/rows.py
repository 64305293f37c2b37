"""The rows of a corpus for a bulk run: read in a fixed order, bad ones told or set aside, cut into
shards of so many rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

from lusifer.data import Problem, Row, format_of, scan_rows
from lusifer.errors import ConfigError, DataError
from lusifer.text import half_characters


@dataclass(frozen=True)
class Corpus:
    """Files, the column that holds a row's text, and those that are kept beside its vector.

    `columns` names a TSV's columns in order. `skip_bad` sets aside what cannot be read, or has no
    text, instead of stopping.
    """

    files: tuple[str, ...]
    text: str = "text"
    keep: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    skip_bad: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise ConfigError("there is no file to encode")
        for name in (self.text, *self.keep):
            if self.columns and name not in self.columns:
                raise ConfigError(
                    f"the column {name!r} is none of the columns {', '.join(self.columns)}"
                )
        for name in self.keep:
            if name in ("row", "vector", "_"):
                raise ConfigError(
                    f"a column named {name!r} cannot be kept: a shard has one of its own"
                )

    def wanted(self, file: str) -> list[str] | None:
        """What a reader is asked for."""
        known = format_of(file)
        if known.column:
            if self.keep:
                raise ConfigError(
                    f"{file}: a line of a {known.endings[0]} file is one text; there is no column {self.keep[0]!r} to keep"
                )
            if self.text not in ("text", known.column):
                raise ConfigError(
                    f"{file}: a line of a {known.endings[0]} file is one text; there is no column {self.text!r}"
                )
            return None
        if self.columns:
            return list(self.columns)
        if not known.named:
            raise ConfigError(
                f"{file}: a TSV has no header; name its columns in order, e.g. --columns id,title,text"
            )
        return list(dict.fromkeys([self.text, *self.keep]))

    def read(self, first: int = 0, skip: int = 0) -> Iterator[Row | Problem]:
        """Rows and problems, in order, from the `first` file on, without the `skip` good rows that
        it begins with.
        """
        for file in self.files[first:]:
            empty = True
            name = format_of(file).column or self.text
            for item in scan_rows(file, self.wanted(file), numbers=self.keep):
                empty = False
                if isinstance(item, Row):
                    item = _judged(item, name)
                if isinstance(item, Problem) and (
                    item.ends or not self.skip_bad
                ):  # what ends a file would lose the rest of it
                    raise DataError(item.path, item.line, item.what)
                if isinstance(item, Row) and skip:
                    skip -= 1
                    continue
                if isinstance(item, Problem) and skip:
                    continue
                yield item
            if empty and not self.skip_bad:
                raise DataError(file, None, "the file is empty")

    def count(self) -> int | None:
        """About how many rows there are, for a progress line: lines, or what Parquet says; None
        where a store would have to be read.
        """
        total = 0
        for file in self.files:
            if "://" in file:
                return None
            if (here := format_of(file).count(file)) is None:
                return None
            total += here
        return total

    def text_of(self, row: Row) -> str:
        """The text of a row."""
        return row.values[format_of(row.path).column or self.text]


def _judged(row: Row, name: str) -> Row | Problem:
    """A row, or what is wrong with it."""
    if not row.values[name].strip():
        return Problem(row.path, row.line, "a row without text")
    if any(not value.isascii() and half_characters(value) for value in row.values.values()):
        return Problem(
            row.path, row.line, "half a character (a lone surrogate, from a text that was cut)"
        )
    return row


@dataclass(frozen=True)
class Shard:
    """Some rows that follow each other, the number of the first, and the problems among and after
    them.
    """

    number: int
    first: int
    rows: list[Row]
    problems: list[Problem] = field(default_factory=list)


def shards(corpus: Corpus, size: int) -> Iterator[Shard]:
    """The corpus in shards of `size` good rows."""
    yield from _cut(corpus.read(), size, 0)


def _cut(items: Iterator[Row | Problem], size: int, number: int) -> Iterator[Shard]:
    rows, problems = list[Row](), list[Problem]()
    for item in items:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        if (
            len(rows) == size
        ):  # a shard ends where the next one's first row is, so that problems between are its own
            yield Shard(number, number * size, rows, problems)
            number, rows, problems = number + 1, [], []
        rows.append(item)
    if rows or problems:
        yield Shard(number, number * size, rows, problems)


@dataclass(frozen=True)
class ShardStart:
    """Where a shard begins: a file, and how many of its good rows come before."""

    file: int
    skip: int


def starts(corpus: Corpus, size: int) -> list[ShardStart]:
    """Where each shard begins, so that workers need not read what is not theirs. Reads the corpus
    once.
    """
    found, good, anything = [], 0, False
    for number, _ in enumerate(corpus.files):
        here = 0
        for item in Corpus(
            (corpus.files[number],), corpus.text, corpus.keep, corpus.columns, corpus.skip_bad
        ).read():
            anything = True
            if isinstance(item, Problem):
                continue
            if good % size == 0:
                found.append(ShardStart(number, here))
            good, here = good + 1, here + 1
    return found or [ShardStart(0, 0)] * anything


def shards_from(
    corpus: Corpus, shard_starts: Sequence[ShardStart], number: int, size: int
) -> Iterator[Shard]:
    """The shards from a number on: the same as those that `shards` gives, without a look at what is
    before.
    """
    start = shard_starts[number] if number else ShardStart(0, 0)
    items = corpus.read(start.file, start.skip)
    if number:  # problems before its first row are of the shard before
        items = dropwhile(lambda item: isinstance(item, Problem), items)
    yield from _cut(items, size, number)
