"""Each vector's nearest neighbours in one set, exactly in a small set and by cells in a large one.

Method: up to `EXACT` rows every product is computed, in blocks. Above, rows lie in about sqrt(n)
cells (k-means on a sample); a row is compared with those of the `PROBES` cells nearest to its own
cell (an inverted file, Jégou et al. 2011). Cost: n² products, or n × PROBES × sqrt(n); memory 8 bytes
a neighbour beside the vectors. Not where each neighbour must be found: cells miss a few in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lusifer.encoding import nearest_of
from lusifer.insight.plane import groups_of

if TYPE_CHECKING:
    from lusifer.models import Vectors

Ints = npt.NDArray[np.int64]
Tell = Callable[[int, int], None]
EXACT = 50_000
PROBES = 24
SAMPLE = 20  # rows of a cell that its centre is found by
BLOCK = 4096


def self_neighbors(
    vectors: Vectors, k: int, *, exact: int = EXACT, seed: int = 0, tell: Tell | None = None
) -> tuple[Vectors, Ints]:
    """The k nearest others of each row.

    Args:
        vectors: unit rows (n, dim).
        k: how many.
        exact: up to so many rows all are compared.
        seed: of the cells.
        tell: gets the rows that are done, and all.

    Returns:
        Cosines (n, k), -inf where there are fewer, and rows (n, k), -1 there; nearest first.
    """
    n = len(vectors)
    if n <= exact:
        best, index = nearest_of(
            vectors,
            vectors,
            k,
            barred=lambda rows, columns: (
                np.arange(rows.start, rows.stop)[:, None]
                == np.arange(columns.start, columns.stop)[None, :]
            ),
            tell=tell,
        )
        index[np.isneginf(best)] = -1
        return best, index
    return _by_cells(vectors, k, seed, tell)


def _by_cells(vectors: Vectors, k: int, seed: int, tell: Tell | None) -> tuple[Vectors, Ints]:
    n, dim = vectors.shape
    count = int(np.sqrt(n))
    rng = np.random.default_rng(seed)
    sample = vectors[np.sort(rng.permutation(n)[: SAMPLE * count])]
    centres = _centres(sample, groups_of(sample, count, seed), count, dim)
    cell = np.concatenate(
        [(vectors[i : i + BLOCK] @ centres.T).argmax(1) for i in range(0, n, BLOCK)]
    )
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(count + 1))
    near = np.argsort(-(centres @ centres.T), axis=1, kind="stable")[:, :PROBES]
    best = np.full((n, k), -np.inf, dtype=np.float32)
    index = np.full((n, k), -1, dtype=np.int64)
    done = 0
    for number in range(count):
        rows = order[starts[number] : starts[number + 1]]
        if not len(rows):
            continue
        others = np.concatenate([order[starts[c] : starts[c + 1]] for c in near[number]])
        pool = vectors[others]
        for i in range(0, len(rows), BLOCK):
            part = rows[i : i + BLOCK]
            scores = vectors[part] @ pool.T
            scores[part[:, None] == others[None, :]] = -np.inf
            width = min(k, len(others))
            top = np.argpartition(-scores, width - 1, axis=1)[:, :width]
            found = np.take_along_axis(scores, top, 1)
            rank = np.argsort(-found, axis=1, kind="stable")
            best[part, :width] = np.take_along_axis(found, rank, 1)
            index[part, :width] = others[np.take_along_axis(top, rank, 1)]
            done += len(part)
        if tell:
            tell(done, n)
    index[np.isneginf(best)] = -1
    return best, index


def _centres(vectors: Vectors, group: Ints, count: int, dim: int) -> Vectors:
    """Unit means of groups."""
    sums = np.zeros((count, dim), dtype=np.float32)
    np.add.at(sums, group, vectors)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norms, 1e-9), dtype=np.float32)
