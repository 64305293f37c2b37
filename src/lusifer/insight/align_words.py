"""Words of two sentences that translate each other.

Method: the cosine of each word of one with each of the other, then one of
- `argmax`: words that are each other's nearest (SimAlign, Jalili Sabet et al. 2020, arXiv 2004.08728);
- `itermax`: the same, then once more among words that are left, where a word of two parts gets its
  second;
- `match`: the assignment of words to words with the largest sum;
- `softmax`: pairs that are likely both ways (AWESOME, Dou and Neubig 2021, arXiv 2101.08231).
Cost: one pass of the model over each sentence, and n × m cosines. Not for sentences that only share
their topic: something is nearest in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, MissingExtra
from lusifer.insight.word_states import split_words, word_states

if TYPE_CHECKING:
    from lusifer.models import Embedder, Vectors

WordMethod = Literal["argmax", "itermax", "match", "softmax"]
AGAIN = 0.9  # of a cosine, where one of its two words has a partner already
TEMPERATURE = 0.05
LIKELY = 0.1  # a pair's share of its row and of its column


def align_words(
    model: Embedder,
    first: str | Sequence[str],
    second: str | Sequence[str],
    *,
    method: WordMethod = "argmax",
    layer: int | None = None,
) -> list[tuple[int, int]]:
    """Align two sentences.

    Args:
        model: any embedder; sentence-transformers models read each word in its sentence, others by
            itself.
        first: a sentence, which is cut into words, or its words.
        second: its translation.
        method: `argmax` and `match` for precision, `itermax` and `softmax` for recall.
        layer: of the states; without it the one at half of the depth.

    Returns:
        Pairs of a word of the first and one of the second, by their numbers, in order.

    Raises:
        LusiferError: for an unknown method, or a layer that the model does not have.
    """
    if method not in get_args(WordMethod):
        raise LusiferError(
            f"method is {method!r}; it must be one of {', '.join(get_args(WordMethod))}"
        )
    words = [split_words(side) if isinstance(side, str) else list(side) for side in (first, second)]
    if not all(words):
        return []
    x, y = (word_states(model, side, layer) for side in words)
    return aligned_by(_cosines(x, y), method)


def aligned_by(cosines: Vectors, method: WordMethod) -> list[tuple[int, int]]:
    """Pairs (row, column) that a method finds in a matrix of cosines (n, m)."""
    ways = {"argmax": _mutual, "itermax": _iterated, "match": _assigned, "softmax": _likely}
    found = ways[method](cosines)
    return [(int(i), int(j)) for i, j in zip(*np.nonzero(found), strict=True)]


def _cosines(x: Vectors, y: Vectors) -> Vectors:
    x, y = (side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9) for side in (x, y))
    return np.asarray(x @ y.T)


def _mutual(scores: Vectors) -> npt.NDArray[np.bool_]:
    rows, columns = scores.argmax(1), scores.argmax(0)
    found = np.zeros(scores.shape, dtype=bool)
    mutual = columns[rows] == np.arange(len(rows))
    found[np.flatnonzero(mutual), rows[mutual]] = True
    return found


def _iterated(scores: Vectors) -> npt.NDArray[np.bool_]:
    found = _mutual(scores)
    row_has = found.any(axis=1, keepdims=True)
    column_has = found.any(axis=0, keepdims=True)
    weight = np.where(row_has & column_has, 0.0, np.where(row_has | column_has, AGAIN, 1.0))
    again = _mutual(scores * weight) & (weight > 0) & (scores > 0)
    return found | again


def _assigned(scores: Vectors) -> npt.NDArray[np.bool_]:
    try:
        from scipy.optimize import linear_sum_assignment
    except ModuleNotFoundError:
        raise MissingExtra("scipy", "insight") from None
    found = np.zeros(scores.shape, dtype=bool)
    found[linear_sum_assignment(-scores)] = True
    return found


def _likely(scores: Vectors) -> npt.NDArray[np.bool_]:
    def shares(axis: int) -> Any:
        raised = np.exp((scores - scores.max(axis, keepdims=True)) / TEMPERATURE)
        return raised / raised.sum(axis, keepdims=True)

    return np.asarray((shares(0) > LIKELY) & (shares(1) > LIKELY))
