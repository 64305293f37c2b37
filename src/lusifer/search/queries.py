"""Queries that a passage answers, generated or asked, as further vectors of it (xQG: doc2query, Nogueira
et al. 2019, arXiv 1904.08375, by vectors).

Method: a table beside the passages has each query's vector and its passage's place and content; a
search by meaning looks into it too. A query lies nearer to any query than a passage does, by its form
alone, so that `DISCOUNT` is taken off a query's cosine, or `WIDTHS` times what lies between the nearest and the
`DEEP`-th nearest passage where that is less; a passage is as near as the best of its own vector and its queries.
Without that, questions asked of other passages push the right one down (docs/LOG.md). A row of a content
that is no more there is not followed, and goes with the next `add_queries`. Cost: half a vector's space
and one product a query. Not for queries of a poor generator: a wrong query finds its passage first. They
are compared one by one: not for many millions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from lusifer.errors import LusiferError
from lusifer.search.fuse import DEEP, cosine_of
from lusifer.search.table import quoted
from lusifer.text import half_characters, unwrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lusifer.models import Embedder, Vectors

QUERIES = "queries"
DISCOUNT, WIDTHS = 0.25, 1.25  # chosen on QAMR's questions, a TRAIN file
MOST = 4000  # queries that are looked at for one question
AT_A_TIME = 500  # contents whose queries are dropped in one version of the table
PART = 4096  # queries that are embedded and written at a time
Place = tuple[str, int, str]  # path, number, hash


@dataclass(frozen=True)
class QueryReport:
    """How many queries were added, were there already, and had no passage of their document's text."""

    added: int
    known: int
    without_passage: int


def query_schema(dim: int) -> Any:
    """The table's columns."""
    import pyarrow as pa

    names = [("path", pa.string()), ("number", pa.int32()), ("hash", pa.string())]
    vector = ("vector", pa.list_(pa.float16(), dim))
    return pa.schema([*names, ("query", pa.string()), vector])


def put_queries(
    table: Any, passages: Any, embedder: Embedder, rows: Iterable[Mapping[str, Any]]
) -> QueryReport:
    """See `Index.add_queries`."""
    places = _places(passages)
    there = _prune(table, {place for each in places.values() for place in each})
    added = known = lost = 0
    stream = enumerate(rows)
    while part := list(itertools.islice(stream, PART)):
        new: dict[tuple[Place, str], None] = {}
        for number, row in part:
            query, document = _checked(number, row)
            found = places.get(_digest(document), [])
            lost += not found
            for place in found:
                if (digest := _digest(f"{place} {query}")) in there:
                    known += 1
                    continue
                there.add(digest)
                new[place, query] = None
        if new:
            table.add(_rows(list(new), embedder, table.schema))
            added += len(new)
    return QueryReport(added, known, lost)


def near_queries(
    table: Any, passages: Any, asked: Vectors, where: str | None, limit: int, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """The passages of the queries nearest to a vector.

    Args:
        table: of queries.
        passages: the table of passages.
        asked: the question's vector (dim,).
        where: what may be found, in the table's query language.
        limit: passages that are wanted.
        columns: of the passages, that are wanted.

    Returns:
        Rows of passages, the nearest first; `near` is the cosine of the query.
    """
    looked = limit
    while True:
        rows, more = _found(table, passages, asked, where, looked, columns)
        # Those of passages that are filtered out, or are no more, take places away from others.
        if len(rows) >= limit or not more or looked >= MOST:
            return rows[:limit]
        looked *= 4


def _found(
    table: Any, passages: Any, asked: Vectors, where: str | None, limit: int, columns: Sequence[str]
) -> tuple[list[dict[str, Any]], bool]:
    """The passages of the `limit` nearest queries, and whether there are further queries."""
    found = table.search(asked, vector_column_name="vector").distance_type("dot")
    near = found.select(["path", "number", "hash", "vector", "_distance"]).limit(limit).to_list()
    best: dict[Place, float] = {}
    for row in near:
        best.setdefault((row["path"], row["number"], row["hash"]), cosine_of(row, asked))
    if not best:
        return [], False
    parts = [f"(path = {quoted(path)} AND number = {number})" for path, number, _ in best]
    condition = f"({' OR '.join(parts)})" + (f" AND ({where})" if where else "")
    rows = passages.search().where(condition).select(list(columns)).limit(len(parts)).to_list()
    by_place = {(row["path"], row["number"], row["hash"]): row for row in rows}
    kept = [
        by_place[place] | {"near": cosine} for place, cosine in best.items() if place in by_place
    ]
    return kept, len(near) == limit


def nearest_first(
    asked: Vectors, near: Sequence[dict[str, Any]], more: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Passages by their own vectors and by their queries, each once, the nearest first.

    Args:
        asked: the question's vector (dim,).
        near: rows by their own vectors, the nearest first.
        more: rows of `near_queries`.

    Returns:
        Rows whose `near` is how near they lie.
    """
    own = [row | {"near": cosine_of(row, asked)} for row in near]
    width = own[0]["near"] - own[:DEEP][-1]["near"] if own else 0.0
    discount = min(DISCOUNT, WIDTHS * width)
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for row in (*own, *(row | {"near": row["near"] - discount} for row in more)):
        key = (row["path"], row["number"])
        if key not in best or row["near"] > best[key]["near"]:
            best[key] = row
    return sorted(best.values(), key=lambda row: -row["near"])


def _places(passages: Any) -> dict[bytes, list[Place]]:
    """Where each passage's text stands; of texts their digests alone are held."""
    found: dict[bytes, list[Place]] = {}
    query = passages.search().select(["path", "number", "hash", "text"])
    for batch in query.to_batches(batch_size=8192):
        for row in batch.to_pylist():
            place = (row["path"], row["number"], row["hash"])
            found.setdefault(_digest(row["text"]), []).append(place)
    return found


def prune_queries(table: Any, passages: Any) -> None:
    """Drop queries of passages that are no more."""
    if table.count_rows():
        rows = passages.search().select(["path", "number", "hash"]).to_list()
        _prune(table, {(row["path"], row["number"], row["hash"]) for row in rows})


def _prune(table: Any, now: Set[Place]) -> set[bytes]:
    """Drop queries of other passages than these; the digests of those that stay."""
    stay, gone = set[bytes](), set[tuple[str, str]]()
    for row in table.search().select(["path", "number", "hash", "query"]).to_list():
        place = (row["path"], row["number"], row["hash"])
        if place in now:
            stay.add(_digest(f"{place} {row['query']}"))
        else:
            gone.add((row["path"], row["hash"]))
    each = [
        f"(path = {quoted(path)} AND hash = {quoted(content)})" for path, content in sorted(gone)
    ]
    for start in range(0, len(each), AT_A_TIME):
        table.delete(" OR ".join(each[start : start + AT_A_TIME]))
    return stay


def _rows(new: Sequence[tuple[Place, str]], embedder: Embedder, schema: Any) -> Any:
    import pyarrow as pa

    asked = "query" if "query" in embedder.prompts else None
    half = embedder.encode([query for _, query in new], prompt=asked).astype("float16")
    flat = pa.FixedSizeListArray.from_arrays(pa.array(half.ravel(), pa.float16()), half.shape[1])
    columns: dict[str, Any] = {
        "path": [place[0] for place, _ in new],
        "number": [place[1] for place, _ in new],
        "hash": [place[2] for place, _ in new],
        "query": [query for _, query in new],
        "vector": flat,
    }
    return pa.table(columns, schema=schema)


def _checked(number: int, row: Mapping[str, Any]) -> tuple[str, str]:
    if not isinstance(row, Mapping):
        raise LusiferError(f"row {number} is a {type(row).__name__}; write query and document")
    texts = [row.get(name) for name in ("query", "document")]
    for name, text in zip(("query", "document"), texts, strict=True):
        if not isinstance(text, str) or not text.strip():
            raise LusiferError(f"row {number} has no {name}; each has a query and a document")
        if half_characters(text):
            raise LusiferError(f"row {number}: its {name} holds half a character")
    query, document = texts
    return str(query), str(document)


def _digest(text: str) -> bytes:
    return blake2b(unwrap(text).encode(), digest_size=16).digest()
