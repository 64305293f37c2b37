"""Passages of an index by their place: what is like one, what stands around it, and a sample of all.

Cost: `similar` is a dense search; the others read the rows asked for, by their file and number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError
from lusifer.search.query import SHOWN, Filter, Hit, Searchable, hit_of, probes, rows_of
from lusifer.search.table import quoted, table_errors
from lusifer.text import UNKNOWN

LAST = (1 << 31) - 1
SCANNED = 200_000  # rows whose language is read to count languages; of more, the first


@dataclass(frozen=True)
class Passage:
    """A passage by its place: the file, its number there from 0, and the line, row or page
    (`unit`) that it begins at.
    """

    path: str
    number: int
    position: int
    unit: str
    language: str
    text: str


@dataclass(frozen=True)
class Sample:
    """Passages and their vectors, float32 (n, dim)."""

    passages: list[Passage]
    vectors: npt.NDArray[np.float32]


def find_similar(
    index: Searchable, path: str, number: int, *, top_k: int, where: Filter | None
) -> list[Hit]:
    """The passages nearest to one, without itself and its exact copies' first.

    Raises LusiferError where the index has no such passage.
    """
    if not isinstance(top_k, int) or top_k < 1:
        raise LusiferError(f"top_k is {top_k!r}; ask for one passage or more")
    with table_errors(index.uri):
        index.rows.checkout_latest()
        rows = _rows_at(index, path, number, number)
        if not rows:
            raise LusiferError(f"{index.uri}: has no passage {number} of {path}")
        asked = np.asarray(rows[0]["vector"], dtype=np.float32)
        near = index.rows.search(asked, vector_column_name="vector").distance_type("dot")
        near = near.nprobes(probes(index.rows))
        found = rows_of(near, (where or Filter()).where(), top_k + 1, "_distance")
    others = [one for one in found if (one["path"], one["number"]) != (path, number)]
    return [hit_of(one, 1 - one["_distance"], asked, index.embedder) for one in others[:top_k]]


def passages_around(
    index: Searchable, path: str, number: int, before: int, after: int
) -> list[Passage]:
    """A passage with those before and after it in its file, in their order.

    Raises LusiferError where the index has no such passage, or for a number below 0.
    """
    if min(number, before, after) < 0:
        raise LusiferError("number, before and after are counted from 0")
    with table_errors(index.uri):
        index.rows.checkout_latest()
        rows = _rows_at(index, path, max(0, number - before), number + after)
    found = sorted((passage_of(row) for row in rows), key=lambda passage: passage.number)
    if not any(passage.number == number for passage in found):
        raise LusiferError(f"{index.uri}: has no passage {number} of {path}")
    return found


def sample_passages(index: Searchable, size: int, seed: int) -> Sample:
    """At most `size` passages drawn at random, with their vectors."""
    with table_errors(index.uri):
        index.rows.checkout_latest()
        total = int(index.rows.count_rows())
        if not total:
            dim = index.embedder.dim
            return Sample([], np.zeros((0, dim), dtype=np.float32))
        drawn = np.random.default_rng(seed).permutation(total)[:size]
        rows = index.rows.take_offsets(sorted(int(one) for one in drawn)).select([*SHOWN]).to_list()
    vectors = np.array([row["vector"] for row in rows], dtype=np.float32)
    return Sample([passage_of(row) for row in rows], vectors)


def count_languages(index: Searchable) -> dict[str, int]:
    """Passages of each language, the most frequent first."""
    with table_errors(index.uri):
        index.rows.checkout_latest()
        column = index.rows.search().select(["language"]).limit(SCANNED).to_arrow()["language"]
    counts: dict[str, int] = {}
    for pair in column.value_counts().to_pylist():
        code = pair["values"].partition("-")[0] or UNKNOWN
        counts[code] = counts.get(code, 0) + pair["counts"]
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _rows_at(index: Searchable, path: str, first: int, last: int) -> list[dict[str, Any]]:
    if first > LAST:  # the column holds no such number, and the table would take it for damage
        return []
    last = min(last, LAST)
    condition = f"path = {quoted(path)} AND number >= {int(first)} AND number <= {int(last)}"
    found = index.rows.search().where(condition).select([*SHOWN]).limit(last - first + 1)
    rows: list[dict[str, Any]] = found.to_list()
    return rows


def passage_of(row: dict[str, Any]) -> Passage:
    """A row of the table as a passage."""
    names = ("path", "number", "position", "unit", "text")
    language = row["language"].partition("-")[0] or UNKNOWN
    return Passage(language=language, **{name: row[name] for name in names})
