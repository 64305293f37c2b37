"""Passages on a plane, for a map to look at.

Method: each language's mean is taken away, so that meaning is seen and not the language; then the two
largest principal axes (Pearson 1901), and groups by k-means (Lloyd 1982, k-means++ starts). Cost: one
SVD of n × dim, a second for 2,000 passages. Not for distances: a plane keeps a small share of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
ROUNDS = 30
STARTS, FEW_GROUPS = 4, 100  # of k-means; with many groups one start is as good
FEW = 8  # passages of a language whose mean says what the language is


def without_language(vectors: Floats, languages: Sequence[str]) -> Floats:
    """Unit rows less the mean of their language's, unit rows again; of a language with few passages
    the mean would be their meaning, and is left.
    """
    out = np.array(vectors, dtype=np.float32)
    if not len(out):
        return out
    names = np.array(languages)
    overall = out.mean(0)
    for name in sorted(set(languages)):
        rows = names == name
        if rows.sum() >= FEW:
            out[rows] -= out[rows].mean(0) - overall
    norms = np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    return np.asarray(out / norms, dtype=np.float32)


def on_a_plane(vectors: Floats) -> Floats:
    """Coordinates from 0 to 1, (n, 2), of unit rows (n, dim)."""
    if len(vectors) < 3:
        return np.full((len(vectors), 2), 0.5, dtype=np.float32)
    centred = vectors - vectors.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    if len(axes) < 2:  # vectors of one number
        axes = np.concatenate([axes, np.zeros_like(axes)])
    # A sign that does not depend on the library of linear algebra.
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]
    points = centred @ axes.T
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    span = np.where(high > low, high - low, 1)
    return np.asarray(np.clip((points - low) / span, 0, 1), dtype=np.float32)


def groups_of(vectors: Floats, count: int, seed: int = 0) -> Ints:
    """The group of each unit row, 0 to `count` - 1, the largest group first: the best of some
    starts where groups are few.
    """
    count = min(count, len(vectors))
    if count < 2:
        return np.zeros(len(vectors), dtype=np.int64)
    rng = np.random.default_rng(seed)
    tries = [_k_means(vectors, count, rng) for _ in range(STARTS if count <= FEW_GROUPS else 1)]
    group = max(tries, key=lambda one: one[0])[1]
    order = np.argsort(-np.bincount(group, minlength=count), kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return np.asarray(rank[group])


def _k_means(vectors: Floats, count: int, rng: np.random.Generator) -> tuple[float, Ints]:
    """The sum of cosines to the centres, and the groups."""
    centres = np.empty((count, vectors.shape[1]), dtype=np.float32)
    nearest = np.full(len(vectors), -1.0, dtype=np.float32)
    row = int(rng.integers(len(vectors)))
    for number in range(count):
        centres[number] = vectors[row]
        nearest = np.maximum(nearest, vectors @ centres[number])
        far = np.clip(1 - nearest, 1e-9, None).astype(np.float64)
        row = int(np.searchsorted(np.cumsum(far), rng.random() * far.sum()))
        row = min(row, len(vectors) - 1)
    group = (vectors @ centres.T).argmax(1)
    for _ in range(ROUNDS):
        sums = np.zeros_like(centres)
        np.add.at(sums, group, vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 1e-9, sums / np.maximum(norms, 1e-9), centres)
        new = (vectors @ centres.T).argmax(1)
        if (new == group).all():
            break
        group = new
    return float((vectors @ centres.T).max(1).sum()), group
