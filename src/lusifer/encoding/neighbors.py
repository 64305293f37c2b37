"""The k nearest neighbours between two sets of vectors, both ways at once or one way, exactly.

Method: inner products in blocks; what of a block beats the best so far is merged into it. Cost: n x
m products once for both directions, memory O((n + m) k + block). Not for millions by millions:
there an index that approximates is the tool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lusifer.models import Vectors

BLOCK = 4096
LEAST_MEAN = 0.05
ROUNDING = 1e-6  # between a product by itself and one in a block
Ints = npt.NDArray[np.int64]
Tell = Callable[[int, int], None]
Barred = Callable[[slice, slice], npt.NDArray[np.bool_]]


class VectorRows(Protocol):
    """Vectors that come in slices: an array, or rows that are read when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Vectors: ...


def nearest(
    x: VectorRows, y: VectorRows, k: int, block: int = BLOCK, tell: Tell | None = None
) -> tuple[Vectors, Ints, Vectors, Ints]:
    """(cosines (n, k), indices (n, k)) of each x's k nearest y, and the same of each y's k nearest
    x; nearest first.
    """
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


def margins(best: Vectors, index: Ints, mean: Vectors, other: Vectors) -> Vectors:
    """Ratio margins (n, k) of each row's nearest: cosine over the mean of both sides' mean cosines,
    `mean` (n,) and `other` (m,), which is taken for `LEAST_MEAN` where it is less: of cosines about
    0 a ratio says nothing.
    """
    return np.asarray(best / np.maximum((mean[:, None] + other[index]) / 2, LEAST_MEAN))


def nearest_of(
    x: VectorRows,
    y: VectorRows,
    k: int,
    *,
    block: int = BLOCK,
    barred: Barred | None = None,
    tell: Tell | None = None,
) -> tuple[Vectors, Ints]:
    """(cosines (n, k), indices (n, k)) of each x's k nearest y alone, nearest first; -inf and -1
    where there are fewer.

    `barred` says of rows of x and rows of y which pairs do not count, (rows of x, rows of y)
    booleans.
    """
    best = np.full((len(x), min(k, len(y))), -np.inf, dtype=np.float32)
    index = np.full(best.shape, -1, dtype=np.int64)
    for i in range(0, len(x), block):
        rows = slice(i, min(i + block, len(x)))
        own = x[rows]
        for j in range(0, len(y), block):
            columns = slice(j, min(j + block, len(y)))
            scores = own @ y[columns].T
            if barred:
                scores[barred(rows, columns)] = -np.inf
            _keep(best[rows], index[rows], scores, j)
        if tell:
            tell(rows.stop, len(x))
    return best, index


def ranks(
    x: VectorRows, y: VectorRows, scores: Vectors, *, block: int = BLOCK, tell: Tell | None = None
) -> Ints:
    """How many y are nearer to each x (n,) than the score (n,) given for it, rounding apart."""
    above = np.zeros(len(x), dtype=np.int64)
    for i in range(0, len(x), block):
        rows = slice(i, min(i + block, len(x)))
        own, bound = x[rows], scores[rows, None] + ROUNDING
        for j in range(0, len(y), block):
            above[rows] += (own @ y[slice(j, min(j + block, len(y)))].T > bound).sum(1)
        if tell:
            tell(rows.stop, len(x))
    return above


def _keep(best: Vectors, index: Ints, scores: Vectors, offset: int) -> None:
    """Merge a block's scores into the best so far, in place; of equal scores the earlier index.

    Of the block only what beats a row's worst is looked at: after the first few blocks that is next
    to nothing.
    """
    k = best.shape[1]
    if np.isneginf(best[:, -1]).all() and scores.shape[1] > k:  # the first block: all would beat it
        columns = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        floor = np.take_along_axis(scores, columns, 1).min(1)
        rows, columns = np.nonzero(scores >= np.maximum(floor, np.finfo(np.float32).min)[:, None])
    else:
        rows, columns = np.divmod(
            np.flatnonzero(scores > best[:, -1:]), scores.shape[1]
        )  # of a flat mask: three times as fast
    if not len(rows):
        return
    touched, first = np.unique(rows, return_index=True)
    counts = np.diff(np.append(first, len(rows)))
    width = int(counts.max())
    joined = np.full((len(touched), k + width), -np.inf, dtype=np.float32)
    indices = np.full(joined.shape, np.iinfo(np.int64).max, dtype=np.int64)
    joined[:, :k], indices[:, :k] = best[touched], index[touched]
    spot = k + np.arange(len(rows)) - np.repeat(first, counts)
    owner = np.repeat(np.arange(len(touched)), counts)
    joined[owner, spot], indices[owner, spot] = scores[rows, columns], columns + offset
    order = np.lexsort((indices, -joined), axis=1)[:, :k]
    best[touched], index[touched] = (
        np.take_along_axis(joined, order, 1),
        np.take_along_axis(indices, order, 1),
    )
