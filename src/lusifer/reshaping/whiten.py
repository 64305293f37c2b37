"""Whitening: vectors turned to their principal axes, largest variance first, and the variances
evened out.

Method (Su et al., arXiv 2103.15316, without the shift, which a sum of token rows cannot carry): an
axis of variance v is scaled by v^(-power / 2); power 1 is whitening, 0 a rotation. The first
numbers of a turned vector are the best part of it to keep, so a cut vector needs no training of its
own. Cost: one eigendecomposition of (dim, dim). Not for a space that others rely on, nor from fewer
vectors than some ten times dim.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError

# an axis of less than this share of the largest variance is noise, and is scaled no further
FLOOR = 1e-6


def whitening(vectors: npt.NDArray[np.float32], power: float = 1.0) -> npt.NDArray[np.float32]:
    """(n, dim) vectors → the matrix (dim, dim) that whitens `vectors @ matrix`.

    Raises LusiferError for fewer vectors than dimensions, or ones that are not finite.
    """
    n, dim = vectors.shape
    if n <= dim:
        raise LusiferError(f"whitening wants more vectors than dimensions, {dim}; here are {n}")
    if not np.isfinite(vectors).all():
        raise LusiferError("a vector to whiten by is NaN or infinite")
    variance, axes = np.linalg.eigh(np.cov(vectors.T.astype(np.float64)).reshape(dim, dim))
    variance, axes = variance[::-1], axes[:, ::-1]
    signs = np.where(
        axes[np.abs(axes).argmax(0), np.arange(dim)] < 0, -1.0, 1.0
    )  # the same on every machine
    scaled: npt.NDArray[np.float32] = (
        axes * signs * np.maximum(variance, variance[0] * FLOOR) ** (-power / 2)
    ).astype(np.float32)
    return scaled
