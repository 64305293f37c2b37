"""Asking an index: by vector, by words, or both.

Method: `dense` ranks by cosine, `text` by BM25 over `terms`, `hybrid` by both (`search/fuse.py`); in a
multi-vector index `tokens` ranks by late interaction, and `hybrid` looks at that too. Of each passage
shown, the sentence nearest to the question is marked. Cost: the question's vector, one scan or index
probe, and one vector a sentence shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError
from lusifer.models import Embedder, Reranker
from lusifer.search.fuse import DEEP, fused, key_of
from lusifer.search.queries import near_queries, nearest_first
from lusifer.search.table import quoted, table_errors
from lusifer.search.tokens import COLUMN, nearest_by_tokens
from lusifer.text import UNKNOWN, asked_languages, query_terms, sentences

Vector = npt.NDArray[np.float32]
Mode = Literal["hybrid", "dense", "text", "tokens"]
PROBES = 20  # partitions that are looked into at least
RERANKED = 50  # of those found, how many a reranker reads at least
SHOWN = (
    "path",
    "hash",
    "number",
    "position",
    "unit",
    "text",
    "words",
    "language",
    "modified",
    "vector",
)


@dataclass(frozen=True)
class Filter:
    """What may be found: languages (ISO 639), a glob over paths, files changed at `since` (a day, or
    its ISO form) or later.
    """

    languages: tuple[str, ...] = ()
    path: str | None = None
    since: date | None = None

    def __post_init__(self) -> None:
        if isinstance(self.languages, str):  # one language, not its letters
            object.__setattr__(self, "languages", (self.languages,))
        if self.path is not None and not isinstance(self.path, str):
            raise LusiferError(f"path is {self.path!r}; it is a glob, e.g. '*.md'")
        if isinstance(self.since, str):
            try:
                object.__setattr__(self, "since", date.fromisoformat(self.since))
            except ValueError:
                raise LusiferError(
                    f"since is {self.since!r}; it must be a day, e.g. 2026-01-31"
                ) from None
        if self.since is not None and not isinstance(self.since, date):
            raise LusiferError(f"since is {self.since!r}; it must be a day, e.g. 2026-01-31")

    def where(self) -> str | None:
        """The table's condition."""
        parts = []
        if self.languages:
            codes = sorted({code for name in self.languages for code in asked_languages(name)})
            parts.append(f"language IN ({', '.join(map(quoted, codes))})")
        if self.path:
            pattern = self.path if any(c in self.path for c in "*?") else f"*{self.path}*"
            if not pattern.startswith(("/", "*")):  # paths are whole: a glob is of their last parts
                pattern = f"*/{pattern}"
            parts.append(f"regexp_like(path, {quoted(_expression(pattern))})")
        if self.since:
            parts.append(
                f"modified >= {int(datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC).timestamp())}"
            )
        return " AND ".join(parts) or None


def _expression(pattern: str) -> str:
    """A glob as a regular expression of the table's dialect; a star matches slashes too."""
    return "^" + "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern) + "$"


@dataclass(frozen=True)
class Hit:
    """A passage found, and the line, row or page (`unit`) that it begins at.

    `score` orders the hits of a search; `cosine` is the query's; `best` are the first and last
    character of the sentence that is nearest; `number` counts the passages of its file, from 0.
    """

    score: float
    cosine: float
    path: str
    position: int
    unit: str
    language: str
    text: str
    best: tuple[int, int]
    number: int = 0


class Searchable(Protocol):
    """What is asked: an index's address, its passages and the model that made their vectors."""

    @property
    def uri(self) -> str:
        """Where it is."""

    @property
    def rows(self) -> Any:
        """The table of passages."""

    @property
    def queries(self) -> Any | None:
        """The table of queries that passages answer, if there is one."""

    @property
    def embedder(self) -> Embedder:
        """The model of its vectors."""


def search(
    index: Searchable,
    query: str,
    *,
    top_k: int = 10,
    mode: Mode = "hybrid",
    where: Filter | None = None,
    prompt: str = "query",
    reranker: Reranker | None = None,
) -> list[Hit]:
    """The `top_k` passages for a query, best first; with a `reranker`, which scores (query, passage)
    pairs, the best of what was found by its scores. Raises LusiferError for an empty query, an unknown
    mode or a prompt that the model does not have.
    """
    if not isinstance(query, str):
        raise LusiferError(f"the query is {type(query).__name__}; ask with one text")
    if not query.strip():
        raise LusiferError("the query is empty; ask for something")
    if mode not in get_args(Mode):
        raise LusiferError(f"mode is {mode!r}; it must be one of {', '.join(get_args(Mode))}")
    if not isinstance(top_k, int) or top_k < 1:
        raise LusiferError(f"top_k is {top_k!r}; ask for one passage or more")
    embedder = index.embedder
    # Many models have no prompts at all, and are asked plainly then.
    known = prompt != "query" or "query" in embedder.prompts
    asked = embedder.encode([query], prompt=prompt if known else None)[0]
    condition = (where or Filter()).where()
    deep = max(DEEP, top_k)
    near: list[dict[str, Any]] = []
    late: list[dict[str, Any]] = []
    worded: list[dict[str, Any]] = []
    words = query_terms(query)
    with table_errors(index.uri):
        index.rows.checkout_latest()
        if mode in ("hybrid", "dense"):
            found = index.rows.search(asked, vector_column_name="vector").distance_type("dot")
            found = found.nprobes(probes(index.rows))
            near = rows_of(found, condition, deep, "_distance")
            if index.queries is not None:
                index.queries.checkout_latest()
            if index.queries is not None and index.queries.count_rows():
                more = near_queries(index.queries, index.rows, asked, condition, deep, SHOWN)
                near = nearest_first(asked, near, more)
        by_tokens = COLUMN in index.rows.schema.names
        if mode == "tokens" and not by_tokens:
            raise LusiferError(
                f"{index.uri}: keeps one vector a passage; `lusifer index … --multi-vector` makes one with a vector a token"
            )
        if by_tokens and mode in ("hybrid", "tokens"):
            found = nearest_by_tokens(index.rows, embedder, query, prompt if known else None)
            late = rows_of(found, condition, deep, "_distance")
        if (
            mode in ("hybrid", "text")
            and words
            and any("words" in i.columns for i in index.rows.list_indices())
        ):
            found = index.rows.search(words, query_type="fts", fts_columns="words")
            worded = rows_of(found, condition, deep, "_score")
    rows = {key_of(row): row for row in (*worded, *late, *near)}
    scores = fused(asked, words, near, late, worded)
    best = sorted(scores, key=lambda key: (-scores[key], key))
    if reranker and best:
        best = best[: max(RERANKED, top_k)]
        judged = reranker([(query, rows[key]["text"]) for key in best])
        scores = {key: float(score) for key, score in zip(best, judged, strict=True)}
        best.sort(key=lambda key: (-scores[key], key))
    return [hit_of(rows[key], scores[key], asked, embedder) for key in best[:top_k]]


def probes(rows: Any) -> int:
    """A third of the partitions, where there are any (`Update` makes half a root of the rows)."""
    return max(PROBES, int(rows.count_rows() ** 0.5) // 6)


def hit_of(row: Mapping[str, Any], score: float, asked: Vector, embedder: Embedder) -> Hit:
    """A row of the table as a hit for the vector that asked for it."""
    return Hit(
        score,
        float(sum(a * b for a, b in zip(row["vector"], asked.tolist(), strict=True))),
        row["path"],
        row["position"],
        row["unit"],
        row["language"].partition("-")[0] or UNKNOWN,
        row["text"],
        _best_sentence(embedder, asked, row["text"]),
        row["number"],
    )


def rows_of(query: Any, where: str | None, limit: int, score: str) -> list[dict[str, Any]]:
    """The best rows, equal ones in the order of their places: the table gives these as it lies on
    disk, which an update or `compact` changes.
    """
    if where:
        query = query.where(where, prefilter=True)
    rows: list[dict[str, Any]] = query.select([*SHOWN, score]).limit(limit).to_list()
    sign = -1 if score == "_score" else 1  # of words the higher is the better
    return sorted(rows, key=lambda row: (sign * row[score], row["path"], row["number"]))


def _best_sentence(embedder: Embedder, asked: Vector, text: str) -> tuple[int, int]:
    spans = sentences(text) or [(0, len(text))]
    if len(spans) == 1:
        return spans[0]
    vectors = embedder.encode(
        [text[a:b] for a, b in spans], prompt="document" if "document" in embedder.prompts else None
    )
    return spans[int((vectors @ asked).argmax())]
