"""The rows of a corpus for a bulk run: read in a fixed order, bad ones told or set aside, cut into shards of so many rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

from lusifer.data.readers import Problem, Row, file_format, scan_rows
from lusifer.errors import ConfigError, DataError


@dataclass(frozen=True)
class Corpus:
    """Files, the column that holds a row's text, and those that are kept beside its vector.

    `columns` names a TSV's columns in order. `skip_bad` sets aside what cannot be read, or has no text, instead of stopping.
    """

    files: tuple[str, ...]
    text: str = "text"
    keep: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    skip_bad: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise ConfigError("there is no file to encode")
        if self.columns and self.text not in self.columns:
            raise ConfigError(f"the text column {self.text!r} is none of the columns {', '.join(self.columns)}")

    def wanted(self, file: str) -> list[str] | None:
        """What a reader is asked for."""
        kind = file_format(file)
        if kind == ".txt":
            if self.keep:
                raise ConfigError(f"{file}: a line of a .txt file is one text; there is no column {self.keep[0]!r} to keep")
            return None
        if self.columns:
            return list(self.columns)
        return list(dict.fromkeys([self.text, *self.keep]))

    def read(self, first: int = 0, skip: int = 0) -> Iterator[Row | Problem]:
        """Rows and problems, in order, from the `first` file on, without the `skip` good rows that it begins with."""
        for file in self.files[first:]:
            empty = True
            name = "text" if file_format(file) == ".txt" else self.text
            for item in scan_rows(file, self.wanted(file)):
                empty = False
                if isinstance(item, Row) and not item.values[name].strip():
                    item = Problem(item.path, item.line, "a row without text")
                if isinstance(item, Problem) and not self.skip_bad:
                    raise DataError(item.path, item.line, item.what)
                if isinstance(item, Row) and skip:
                    skip -= 1
                    continue
                if isinstance(item, Problem) and skip:
                    continue
                yield item
            if empty and not self.skip_bad:
                raise DataError(file, None, "the file is empty")

    def text_of(self, row: Row) -> str:
        """The text of a row."""
        return row.values["text" if file_format(row.path) == ".txt" else self.text]


@dataclass(frozen=True)
class Shard:
    """Some rows that follow each other, the number of the first, and the problems among and after them."""

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
        if len(rows) == size:  # a shard ends where the next one's first row is, so that problems between are its own
            yield Shard(number, number * size, rows, problems)
            number, rows, problems = number + 1, [], []
        rows.append(item)
    if rows or problems:
        yield Shard(number, number * size, rows, problems)


@dataclass(frozen=True)
class Start:
    """Where a shard begins: a file, and how many of its good rows come before."""

    file: int
    skip: int


def starts(corpus: Corpus, size: int) -> list[Start]:
    """Where each shard begins, so that workers need not read what is not theirs. Reads the corpus once."""
    found, good = [], 0
    for number, _ in enumerate(corpus.files):
        here = 0
        for item in Corpus((corpus.files[number],), corpus.text, corpus.keep, corpus.columns, corpus.skip_bad).read():
            if isinstance(item, Problem):
                continue
            if good % size == 0:
                found.append(Start(number, here))
            good, here = good + 1, here + 1
    return found or [Start(0, 0)]


def one(corpus: Corpus, places: Sequence[Start], number: int, size: int) -> Shard:
    """A shard by its number: the same as the one that `shards` gives."""
    place = places[number] if number else Start(0, 0)
    items = corpus.read(place.file, place.skip)
    if number:  # problems before its first row are of the shard before
        items = dropwhile(lambda item: isinstance(item, Problem), items)
    return next(_cut(items, size, number), Shard(number, number * size, []))
