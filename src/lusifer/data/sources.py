"""Sources: which files of a recipe hold which texts, read, cleaned and capped per language.

A source names files (globs below the recipe's `data.root`) and their columns. The names with a
meaning are `language` (else `source.language`), `english`, `text`, `query`, `document`, `negative`,
`scores` and `key` (for a join); '_' skips a column.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lusifer.data.formats import Row
from lusifer.data.rows import read_rows
from lusifer.errors import ConfigError
from lusifer.io import expand

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Join:
    """A second file whose columns are added to each row with the same `key`."""

    file: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Files of one shape. Left out: rows with a text shorter than `min_chars` or longer than
    `max_chars`, and, where `languages` names some, rows in any other.
    """

    files: tuple[str, ...]
    columns: tuple[str, ...] = ("text",)
    exclude: tuple[str, ...] = ()
    language: str = "und"
    languages: tuple[str, ...] = ()
    rename: dict[str, str] = field(default_factory=dict)
    join: Join | None = None
    limit_per_language: int | None = None
    min_chars: int = 1
    max_chars: int = 5000

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("files must name at least one file")
        if self.limit_per_language is not None and self.limit_per_language < 1:
            raise ValueError("limit_per_language must be at least 1 (or null)")
        if any(".txt" in Path(f).suffixes for f in self.files) and self.columns != ("text",):
            raise ValueError(
                f"{self.files[0]}: a line of a .txt file is one text; its columns are [text]"
            )
        if self.join and not ("key" in self.names and "key" in self.join.columns):
            raise ValueError("a join needs a column 'key' on both sides")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by the names that stages look for: `columns`, renamed (`rename: {positive:
        document}`).
        """
        return tuple(self.rename.get(c, c) for c in self.columns if c != "_")


def require(source: Source, names: tuple[str, ...], where: str) -> None:
    """Raise ConfigError where the source lacks one of the columns that a stage reads."""
    have = (*source.names, *(source.join.columns if source.join else ()))
    for name in names:
        if name not in have:
            raise ConfigError(
                f"{where}: {source.files[0]} needs a column {name!r}; its columns are {', '.join(source.names)}"
            )


NOT_TEXT = ("language", "key", "scores")


def read_source(source: Source, root: str | Path) -> Iterator[Row]:
    """The source's rows, in file order, joined, with `language` filled in, capped per language.

    The cap keeps the rows whose text's hash is smallest: an even, repeatable sample, the same on
    every machine.
    """
    rows = _rows(source, root)
    if source.limit_per_language is None:
        yield from rows
        return
    smallest: dict[str, list[tuple[int, int, Row]]] = defaultdict(
        list
    )  # a heap a language, the largest hash first to go
    for order, row in enumerate(rows):
        digest = int.from_bytes(
            hashlib.blake2b("\t".join(row.values.values()).encode(), digest_size=8).digest()
        )
        heap, item = smallest[row.values["language"]], (-digest, -order, row)
        if len(heap) < source.limit_per_language:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)
    for language in sorted(smallest):
        yield from (row for _, _, row in sorted(smallest[language], key=lambda item: -item[1]))


def _rows(source: Source, root: str | Path) -> Iterator[Row]:
    dropped = 0
    skip = set(expand(source.exclude, root)) if source.exclude else set()
    joined: dict[str, dict[str, str]] = {}
    if source.join:
        for path in expand((source.join.file,), root):
            joined |= {
                row.values["key"]: row.values for row in read_rows(path, source.join.columns)
            }
    for path in expand(source.files, root):
        if path in skip:
            continue
        for row in read_rows(path, source.columns):
            values = {source.rename.get(k, k): v for k, v in row.values.items()}
            if source.join:
                other = joined.get(values["key"])
                if other is None:
                    continue
                values = {**values, **other}
            if source.languages and values.get("language", source.language) not in source.languages:
                continue
            texts = [v for k, v in values.items() if k not in NOT_TEXT]
            if fits := all(
                source.min_chars <= len(t) <= source.max_chars and t.strip() for t in texts
            ):
                yield Row(row.path, row.line, {"language": source.language, **values})
            dropped += not fits
    if dropped:
        log.info(
            "%s: %d rows left out, a text not of %d to %d characters",
            source.files[0],
            dropped,
            source.min_chars,
            source.max_chars,
        )
