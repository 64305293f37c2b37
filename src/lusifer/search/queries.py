"""Queries that a passage answers, generated or asked, as further vectors of it (xQG: doc2query, Nogueira
et al. 2019, arXiv 1904.08375, by vectors).

Method: a table beside the passages has each query's vector and its passage's place and content; a
search by meaning looks into it too, and a passage lies as near as its nearest vector. A row of a content
that is no more there is not followed, and goes with the next `add_queries`. Cost: half a vector's space
and one product a query. Not for queries of a poor generator: a wrong query finds its passage first. They
are compared one by one: not for many millions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.errors import LusiferError
from lusifer.search.table import quoted
from lusifer.text import half_characters, unwrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lusifer.models import Embedder, Vectors

QUERIES = "queries"
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
    there = _prune(table, places)
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
        limit: queries that are looked at.
        columns: of the passages, that are wanted.

    Returns:
        Rows of passages, the nearest first; `vector` is the query's.
    """
    found = table.search(asked, vector_column_name="vector").distance_type("dot")
    near = found.select(["path", "number", "hash", "vector", "_distance"]).limit(limit).to_list()
    best: dict[Place, Any] = {}
    for row in near:
        best.setdefault((row["path"], row["number"], row["hash"]), row["vector"])
    if not best:
        return []
    parts = [f"(path = {quoted(path)} AND number = {number})" for path, number, _ in best]
    condition = f"({' OR '.join(parts)})" + (f" AND ({where})" if where else "")
    rows = passages.search().where(condition).select(list(columns)).limit(len(parts)).to_list()
    by_place = {(row["path"], row["number"], row["hash"]): row for row in rows}
    return [
        by_place[place] | {"vector": vector} for place, vector in best.items() if place in by_place
    ]


def nearest_first(
    asked: Vectors, near: Sequence[dict[str, Any]], more: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of both, each passage once, by its nearest vector."""
    best: dict[tuple[str, int], tuple[float, dict[str, Any]]] = {}
    for row in (*near, *more):
        cosine = float(np.asarray(row["vector"], dtype=np.float32) @ asked)
        key = (row["path"], row["number"])
        if key not in best or cosine > best[key][0]:
            best[key] = (cosine, row)
    return [row for _, row in sorted(best.values(), key=lambda item: -item[0])]


def _places(passages: Any) -> dict[bytes, list[Place]]:
    """Where each passage's text stands; of texts their digests alone are held."""
    found: dict[bytes, list[Place]] = {}
    query = passages.search().select(["path", "number", "hash", "text"])
    for batch in query.to_batches(batch_size=8192):
        for row in batch.to_pylist():
            place = (row["path"], row["number"], row["hash"])
            found.setdefault(_digest(row["text"]), []).append(place)
    return found


def _prune(table: Any, places: Mapping[bytes, list[Place]]) -> set[bytes]:
    """Drop queries of passages that are no more; the digests of those that stay."""
    now = {place for each in places.values() for place in each}
    stay, gone = set[bytes](), set[tuple[str, str]]()
    for row in table.search().select(["path", "number", "hash", "query"]).to_list():
        place = (row["path"], row["number"], row["hash"])
        if place in now:
            stay.add(_digest(f"{place} {row['query']}"))
        else:
            gone.add((row["path"], row["hash"]))
    for path, content in sorted(gone):
        table.delete(f"path = {quoted(path)} AND hash = {quoted(content)}")
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
