"""The k nearest neighbours between two sets of vectors, both ways at once, exactly.

Method: inner products in blocks; each block's best are merged into the best so far. Cost: n x m products once for both
directions, memory O((n + m) k + block). Not for millions by millions: there an index that approximates is the tool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lusifer.models.embedder import Vectors

BLOCK = 4096
Ints = npt.NDArray[np.int64]
Tell = Callable[[int, int], None]


class Rows(Protocol):
    """Vectors that come in slices: an array, or rows that are read when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Vectors: ...


def nearest(x: Rows, y: Rows, k: int, block: int = BLOCK, tell: Tell | None = None) -> tuple[Vectors, Ints, Vectors, Ints]:
    """(cosines (n, k), places (n, k)) of each x's k nearest y, and the same of each y's k nearest x; nearest first."""
    k_x, k_y = min(k, len(y)), min(k, len(x))
    best_y = np.full((len(y), k_y), -np.inf, dtype=np.float32)
    place_y = np.zeros((len(y), k_y), dtype=np.int64)
    best_x = np.full((len(x), k_x), -np.inf, dtype=np.float32)
    place_x = np.zeros((len(x), k_x), dtype=np.int64)
    for i in range(0, len(x), block):
        rows = slice(i, min(i + block, len(x)))
        for j in range(0, len(y), block):
            columns = slice(j, min(j + block, len(y)))
            scores = x[rows] @ y[columns].T
            _keep(best_x[rows], place_x[rows], scores, j)
            _keep(best_y[columns], place_y[columns], scores.T, i)
        if tell:
            tell(rows.stop, len(x))
    return best_x, place_x, best_y, place_y


def margins(best: Vectors, place: Ints, mean: Vectors, other: Vectors) -> Vectors:
    """Ratio margins (n, k) of each row's nearest: cosine over the mean of both sides' mean cosines, `mean` (n,) and `other` (m,)."""
    return np.asarray(best / ((mean[:, None] + other[place]) / 2))


def _keep(best: Vectors, place: Ints, scores: Vectors, offset: int) -> None:
    """Merge a block's scores into the best so far, in place; of equal scores the earlier place."""
    k = best.shape[1]
    part = (
        np.argpartition(-scores, k - 1, axis=1)[:, :k] if scores.shape[1] > k else np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    )
    joined = np.concatenate([best, np.take_along_axis(scores, part, 1)], axis=1)
    places = np.concatenate([place, part + offset], axis=1)
    order = np.lexsort((places, -joined), axis=1)[:, :k]
    best[:], place[:] = np.take_along_axis(joined, order, 1), np.take_along_axis(places, order, 1)
