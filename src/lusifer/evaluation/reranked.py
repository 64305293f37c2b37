"""Search in two steps, measured: a model finds, a reranker sorts the best of what was found.

Method: each question's `top` nearest candidates are scored by a cross-encoder, whose order replaces the
model's; candidates further down stay where the model put them. Cost: `top` pairs a question, some hundred
times the embedding of it. Pairs of many questions go to the reranker together, which sorts them by length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lusifer.encoding import Encoder, VectorRows, nearest_of
from lusifer.errors import LusiferError, ModelError
from lusifer.evaluation.metrics import Ints, ranks
from lusifer.models import Embedder, Reranker

PAIRS = 4096  # that a reranker gets at once


@dataclass(frozen=True)
class Sorter:
    """A reranker, and how many of a question's nearest candidates it reads."""

    reranker: Reranker
    top: int = 100

    def __post_init__(self) -> None:
        if self.top < 1:
            raise LusiferError(
                f"a reranker reads 1 candidate of a question or more, not {self.top}"
            )


class SortingEncoder(Encoder):
    """A model under test whose search a reranker sorts."""

    def __init__(
        self,
        model: Embedder,
        folder: Path,
        tell: Callable[[int], None] = lambda texts: None,
        *,
        sorter: Sorter,
    ) -> None:
        super().__init__(model, folder, tell)
        self.sorter = sorter


def encoder_of(
    model: Embedder,
    folder: Path,
    sorter: Sorter | None,
    tell: Callable[[int], None] = lambda texts: None,
) -> Encoder:
    """The encoder of a model under test.

    Args:
        model: what embeds.
        folder: where its vectors are kept.
        sorter: what sorts its searches, if anything does.
        tell: gets how many texts were just embedded.
    """
    return (
        SortingEncoder(model, folder, tell, sorter=sorter)
        if sorter
        else Encoder(model, folder, tell)
    )


def search_ranks(
    model: Encoder,
    questions: Sequence[str],
    queries: VectorRows,
    candidates: VectorRows,
    texts: Sequence[str],
    relevant: Sequence[Sequence[int]],
) -> list[Ints]:
    """For each question the ranks, from 1, of its relevant candidates, best first.

    Args:
        model: under test; a `SortingEncoder` has its reranker sort the best.
        questions: their texts.
        queries: their vectors.
        candidates: vectors of what is searched.
        texts: of the candidates, in the same order.
        relevant: the numbers of each question's right candidates.

    Returns:
        As `metrics.ranks`: of equal scores the irrelevant comes first.
    """
    found = ranks(queries, candidates, relevant)
    if not isinstance(model, SortingEncoder):
        return found
    sorter, result = model.sorter, list[Ints]()
    step = max(1, PAIRS // sorter.top)
    for start in range(0, len(questions), step):
        stop = min(start + step, len(questions))
        _, nearest = nearest_of(queries[start:stop], candidates, min(sorter.top, len(texts)))
        pairs = [
            (questions[start + q], texts[c]) for q, own in enumerate(nearest) for c in own.tolist()
        ]
        scores = scored(sorter.reranker, pairs).reshape(nearest.shape)
        for q, (own, judged) in enumerate(zip(nearest, scores, strict=True)):
            result.append(_sorted(own, judged, relevant[start + q], found[start + q]))
    return result


def _sorted(
    own: Ints, judged: npt.NDArray[np.float64], relevant: Sequence[int], before: Ints
) -> Ints:
    """A question's ranks: among its nearest by the reranker's word, of the others as they were."""
    right = np.isin(own, np.asarray(relevant, dtype=np.int64))
    mine = np.sort(judged[right])[::-1]
    above = (judged[~right][None, :] >= mine[:, None]).sum(1)
    sorted_ = above + np.arange(1, len(mine) + 1)
    beyond = before[len(mine) :]  # those nearest to the question are the ones that were sorted
    return np.concatenate([sorted_, np.maximum(beyond, len(own) + np.arange(1, len(beyond) + 1))])


def scored(reranker: Reranker, pairs: list[tuple[str, str]]) -> npt.NDArray[np.float64]:
    """A reranker's scores of pairs. Raises ModelError where they are not one number for each."""
    found = np.asarray(reranker(pairs), dtype=np.float64)
    if found.shape != (len(pairs),) or not np.isfinite(found).all():
        raise ModelError(
            f"the reranker gave scores of shape {found.shape} for {len(pairs)} pairs, or some that are no numbers"
        )
    return found
