"""A score with its uncertainty: value, 95 % bootstrap interval, number of examples; and what it was
computed from.

Method: the examples are drawn anew with replacement 1,000 times (Efron and Tibshirani 1993). Sets
of equal size are drawn alike, so that the same sentence in two languages, or by two models, comes
and goes together. Cost: draws x examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError

Floats = npt.NDArray[np.float64]
DRAWS, BLOCK = 1000, 100
LOWER = ("xsim error",)  # the metrics of which less is better


@dataclass(frozen=True)
class Score:
    """One figure of one task in one language. `low` and `high` bound 95 % of bootstrap resamples of
    the examples.
    """

    task: str
    language: str
    metric: str
    value: float
    low: float
    high: float
    n: int

    def row(self) -> dict[str, Any]:
        """As a plain dict, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Measured:
    """What a task measured in one language: a value an example, and for a statistic of both the
    gold values.
    """

    task: str
    language: str
    metric: str
    values: npt.NDArray[Any]
    gold: npt.NDArray[Any] | None = None
    statistic: str = "mean"

    def __post_init__(self) -> None:
        if not len(self.values):
            raise LusiferError(f"{self.task}, {self.language}, {self.metric}: no example to score")

    def value(self) -> float:
        """The statistic of all examples."""
        return self.of(np.arange(len(self.values)))

    def of(self, rows: npt.NDArray[np.int64]) -> float:
        """The statistic of the examples in `rows`, which may hold one of them more than once."""
        if self.gold is None:
            return float(self.values[rows].mean(dtype=np.float64))
        return STATISTICS[self.statistic](self.values[rows], self.gold[rows])

    def draws(self) -> Floats:
        """The statistic of each of `DRAWS` resamples."""
        if self.gold is None:
            values = self.values.astype(np.float64)
            return np.concatenate([counts @ values for counts in resamples(len(values))]) / len(
                values
            )
        if self.statistic == "v-measure":
            return np.concatenate(
                [
                    v_measures(self.values, self.gold, counts)
                    for counts in resamples(len(self.values))
                ]
            )
        everyone = np.arange(len(self.values))
        return np.array(
            [
                self.of(np.repeat(everyone, c.astype(int)))
                for counts in resamples(len(everyone))
                for c in counts
            ]
        )

    def score(self) -> Score:
        """The figure with its interval."""
        low, high = np.quantile(self.draws(), [0.025, 0.975])
        return Score(
            self.task,
            self.language,
            self.metric,
            self.value(),
            float(low),
            float(high),
            len(self.values),
        )


def resamples(n: int) -> Iterator[npt.NDArray[np.float32]]:
    """How often each of n examples is drawn: `DRAWS` rows that add up to n, in blocks; always the
    same for the same n.
    """
    draw = _kept if n <= 20_000 else _resample
    yield from (draw(n, block) for block in range(DRAWS // BLOCK))


@lru_cache(maxsize=DRAWS // BLOCK)
def _kept(n: int, block: int) -> npt.NDArray[np.float32]:
    return _resample(n, block)


def _resample(n: int, block: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng((n, block))
    drawn = rng.integers(0, n, (BLOCK, n)) + n * np.arange(BLOCK)[:, None]
    return np.bincount(drawn.ravel(), minlength=BLOCK * n).reshape(BLOCK, n).astype(np.float32)


def spearman(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> float:
    """Spearman's rank correlation, ties at their mean rank."""
    rx, ry = _ranks(x), _ranks(y)
    rx, ry = rx - rx.mean(), ry - ry.mean()
    norm = math.sqrt(float((rx**2).sum() * (ry**2).sum()))
    return float((rx * ry).sum() / norm) if norm else 0.0


def _ranks(values: npt.NDArray[Any]) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[inverse]


def average_precision(values: npt.NDArray[Any], gold: npt.NDArray[Any]) -> float:
    """Mean over the relevant of precision at their rank, by falling value; equal values share the
    last rank among them.
    """
    distinct, inverse = np.unique(-np.asarray(values), return_inverse=True)
    all_ = np.bincount(inverse, minlength=len(distinct))
    relevant = np.bincount(
        inverse, weights=np.asarray(gold, dtype=np.float64), minlength=len(distinct)
    )
    total = relevant.sum()
    return float((relevant * relevant.cumsum() / all_.cumsum()).sum() / total) if total else 0.0


def v_measure(values: npt.NDArray[Any], gold: npt.NDArray[Any]) -> float:
    """Harmonic mean of homogeneity and completeness of clusters (Rosenberg and Hirschberg 2007)."""
    return float(v_measures(values, gold, np.ones((1, len(values)), dtype=np.float32))[0])


def v_measures(
    values: npt.NDArray[Any], gold: npt.NDArray[Any], counts: npt.NDArray[np.float32]
) -> Floats:
    """The V-measure for each row of `counts` (draws, n), which says how often each example is
    there.
    """
    clusters, classes = (np.unique(v, return_inverse=True)[1] for v in (values, gold))
    sizes = int(clusters.max()) + 1, int(classes.max()) + 1
    cells = np.zeros((len(values), sizes[0] * sizes[1]), dtype=np.float32)
    cells[np.arange(len(values)), clusters * sizes[1] + classes] = 1
    joint = (counts @ cells).reshape(len(counts), *sizes).astype(np.float64) / counts.sum(1)[
        :, None, None
    ]
    of_clusters, of_classes, of_both = (
        _entropy(joint.sum(2)),
        _entropy(joint.sum(1)),
        _entropy(joint.reshape(len(counts), -1)),
    )
    shared = of_clusters + of_classes - of_both
    homogeneity = np.divide(shared, of_classes, out=np.ones_like(shared), where=of_classes > 1e-12)
    completeness = np.divide(
        shared, of_clusters, out=np.ones_like(shared), where=of_clusters > 1e-12
    )
    total = homogeneity + completeness
    result: Floats = np.divide(
        2 * homogeneity * completeness, total, out=np.zeros_like(total), where=total > 1e-12
    )
    return result


def _entropy(shares: Floats) -> Floats:
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(1), dtype=np.float64)


STATISTICS: dict[str, Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]] = {
    "spearman": spearman,
    "average precision": average_precision,
    "v-measure": v_measure,
}
