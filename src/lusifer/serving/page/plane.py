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
    """The group of each unit row, 0 to `count` - 1, the largest group first."""
    count = min(count, len(vectors))
    if count < 2:
        return np.zeros(len(vectors), dtype=np.int64)
    rng = np.random.default_rng(seed)
    centres = vectors[rng.integers(len(vectors))][None]
    for _ in range(count - 1):
        far = np.clip(1 - (vectors @ centres.T).max(1), 1e-9, None).astype(np.float64)
        centres = np.concatenate(
            [centres, vectors[rng.choice(len(vectors), p=far / far.sum())][None]]
        )
    group = (vectors @ centres.T).argmax(1)
    for _ in range(ROUNDS):
        for number in range(count):
            if (group == number).any():
                mean = vectors[group == number].mean(0)
                centres[number] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        new = (vectors @ centres.T).argmax(1)
        if (new == group).all():
            break
        group = new
    order = np.argsort(-np.bincount(group, minlength=count), kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return np.asarray(rank[group])
