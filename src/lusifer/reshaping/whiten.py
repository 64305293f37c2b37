"""Whitening: vectors turned to their principal axes, largest variance first, the variances evened out, and axes
taken out that tell languages apart or say the same of every text.

Method (Su et al., arXiv 2103.15316; `whitening` without the shift, which a sum of token rows cannot carry): an
axis of variance v is scaled by v^(-power / 2); power 1 is whitening, 0 a rotation. The first
numbers of a turned vector are the best part of it to keep, so a cut vector needs no training of its
own. `remove` drops the first axes (all but the top; arXiv 1702.01417), `language_axes` those along which the mean
vectors of languages differ most (LSAR; Xie et al., arXiv 2401.05792), `outliers` numbers that are large in every
text (Timkey and van Schijndel, arXiv 2109.04404). Cost: one eigendecomposition of (dim, dim). Not for a space that
others rely on, nor from fewer vectors than some ten times dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lusifer.errors import ConfigError, LusiferError

# an axis of less than this share of the largest variance is noise, and is scaled no further
FLOOR = 1e-6
LEAST = 1e-12  # variance of an axis that no vectors of different texts are below
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Evening:
    """What becomes of the axes: the power that variances are evened by; how many numbers are kept (None
    for all); how many of the first axes go; how many of those that tell languages apart; whether numbers go that are
    large in every text.
    """

    power: float = 0.0
    dim: int | None = None
    remove: int = 0
    language_axes: int = 0
    outliers: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.power <= 1:
            raise ConfigError(f"power is {self.power}; it is from 0, a rotation, to 1, whitening")
        for name, value in (("remove", self.remove), ("language_axes", self.language_axes)):
            if value < 0:
                raise ConfigError(f"{name} is {value}; it is 0 or more")

    def size(self, dim: int) -> int:
        """How many numbers a vector of `dim` has afterwards. Raises ConfigError where none are left."""
        left = dim - self.remove - self.language_axes
        if left < 1:
            raise ConfigError(
                f"remove and language_axes take {dim - left} of the vectors' {dim} axes; fewer than all may go"
            )
        if self.dim is not None and not 0 < self.dim <= left:
            raise ConfigError(f"dim is {self.dim}; it is from 1 to {left}, the axes that are left")
        return self.dim or left


def whitening(vectors: Floats, power: float = 1.0) -> Floats:
    """(n, dim) vectors → the matrix (dim, dim) that whitens `vectors @ matrix`.

    Raises LusiferError for fewer vectors than dimensions, or ones that are not finite or all alike.
    """
    check(vectors)
    dim = vectors.shape[1]
    variance, axes = np.linalg.eigh(np.cov(vectors.T.astype(np.float64)).reshape(dim, dim))
    variance, axes = variance[::-1], axes[:, ::-1]
    if variance[0] < LEAST:
        raise LusiferError("the vectors to whiten by are all alike; give different texts")
    signs = np.where(
        axes[np.abs(axes).argmax(0), np.arange(dim)] < 0, -1.0, 1.0
    )  # the same on every machine
    scaled: Floats = (
        axes * signs * np.maximum(variance, variance[0] * FLOOR) ** (-power / 2)
    ).astype(np.float32)
    return scaled


def check(vectors: Floats) -> None:
    """Raise LusiferError for vectors (n, dim) that are too few to whiten by, or not finite."""
    n, dim = vectors.shape
    if n <= dim:
        raise LusiferError(f"whitening wants more vectors than dimensions, {dim}; here are {n}")
    if not np.isfinite(vectors).all():
        raise LusiferError("a vector to whiten by is NaN or infinite")


def evened(vectors: Floats, how: Evening, languages: Sequence[str] = ()) -> tuple[Floats, Floats]:
    """The map that evens vectors out, x @ matrix + bias.

    Args:
        vectors: (n, dim), as the model makes them before they are normalised.
        how: what becomes of the axes.
        languages: each vector's, where axes that tell them apart are to go.

    Returns:
        The matrix (dim, size) and the bias (size,).

    Raises:
        ConfigError: where no axis is left, or more axes of languages go than there are languages less one.
        LusiferError: for fewer vectors than dimensions, or ones that are not finite or all alike.
    """
    check(vectors)
    dim = vectors.shape[1]
    size, shift = how.size(dim), vectors.mean(0, dtype=np.float64)
    keep = np.eye(dim)
    if how.outliers:
        keep[:, outliers(vectors)] = 0
    if how.language_axes:
        axes = language_axes((vectors - shift) @ keep, languages, how.language_axes)
        keep = keep - keep @ axes @ axes.T
    centred = ((vectors - shift) @ keep).astype(np.float32)
    turned = whitening(centred, how.power)[:, how.remove : how.remove + size]
    matrix = keep @ turned
    return matrix.astype(np.float32), (-shift @ matrix).astype(np.float32)


def language_axes(
    centred: npt.NDArray[np.float64], languages: Sequence[str], count: int
) -> npt.NDArray[np.float64]:
    """The axes along which the mean vectors of languages differ most.

    Args:
        centred: (n, dim), of mean 0.
        languages: of each row.
        count: how many axes.

    Returns:
        (dim, count), orthonormal.

    Raises:
        ConfigError: for more axes than languages less one.
    """
    names = np.array(languages)
    known = sorted(set(languages))
    if not 0 < count < len(known):
        raise ConfigError(
            f"language_axes is {count}; the texts are in {len(known)} languages, which differ along {max(len(known) - 1, 0)} axes at most"
        )
    means = np.stack([centred[names == name].mean(0) for name in known])
    _, _, axes = np.linalg.svd(means - means.mean(0), full_matrices=False)
    found: npt.NDArray[np.float64] = axes[:count].T
    return found


def anisotropy(x: Floats) -> float:
    """Mean cosine of different rows of unit vectors (n, dim)."""
    total = x.astype(np.float64).sum(0)
    n = len(x)
    return float((total @ total - n) / (n * (n - 1))) if n > 1 else 0.0


def outliers(x: Floats) -> list[int]:
    """The dimensions of (n, dim) vectors whose mean is more than three standard deviations from the mean of
    all dimensions.
    """
    means = x.astype(np.float64).mean(0)
    spread = means.std()
    return np.flatnonzero(np.abs(means - means.mean()) > 3 * spread).tolist() if spread else []
