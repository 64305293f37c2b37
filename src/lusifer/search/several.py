"""One question to several indexes.

Method: each index is asked by itself, by the model that made it; hits are merged by their ranks, the
first of each index first, and among equal ranks by cosine where one model made all of them. Cost: a
search of each. Not for indexes of very different worth: the best of a poor one stands beside the
best of a good one, unless a reranker sorts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lusifer.errors import LusiferError
from lusifer.search.query import RERANKED, Filter, Hit, Mode

if TYPE_CHECKING:
    from lusifer.models import Reranker
    from lusifer.search.index import Index

FUSION = 60  # of reciprocal ranks: the scores that are told


def search_all(
    indexes: Sequence[Index],
    query: str,
    *,
    top_k: int = 10,
    mode: Mode = "hybrid",
    where: Filter | None = None,
    prompt: str = "query",
    reranker: Reranker | None = None,
) -> list[Hit]:
    """Ask several indexes at once.

    Args:
        indexes: one or more.
        query: in any language.
        top_k: passages to find, of all indexes together.
        mode: as for `Index.search`.
        where: languages, paths or times that may be found.
        prompt: how the query is asked, where a model has it.
        reranker: sorts what all have found.

    Returns:
        The passages, best first.

    Raises:
        LusiferError: for no index, an empty query, an unknown mode or prompt.
    """
    if not indexes:
        raise LusiferError("name an index or more")
    how: dict[str, Any] = {"mode": mode, "where": where, "prompt": prompt}
    if len(indexes) == 1:
        return indexes[0].search(query, top_k=top_k, reranker=reranker, **how)
    deep = max(RERANKED, top_k) if reranker else top_k
    one_model = len({index.model.hash for index in indexes}) == 1
    found: list[tuple[float, float, int, int, Hit]] = []
    for number, index in enumerate(indexes):
        for rank, hit in enumerate(index.search(query, top_k=deep, **how), 1):
            score = 1 / (FUSION + rank)
            near = hit.cosine if one_model else 0.0
            found.append((-score, -near, number, rank, replace(hit, score=score)))
    hits = [item[-1] for item in sorted(found, key=lambda item: item[:-1])]
    if reranker and hits:
        hits = hits[:deep]
        scores = reranker([(query, hit.text) for hit in hits])
        judged = [replace(hit, score=float(s)) for hit, s in zip(hits, scores, strict=True)]
        hits = sorted(judged, key=lambda hit: -hit.score)
    return hits[:top_k]
