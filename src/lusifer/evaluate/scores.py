"""A score with its uncertainty: value, 95 % bootstrap interval, number of examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DRAWS = 1000


@dataclass(frozen=True)
class Score:
    """One figure of one task in one language. `low` and `high` bound 95 % of bootstrap resamples of the examples."""

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


def mean_score(task: str, language: str, metric: str, values: Sequence[float] | npt.NDArray[Any], seed: int = 0) -> Score:
    """The mean of per-example values, resampled over examples."""
    items = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = np.concatenate([items[rng.integers(0, len(items), (50, len(items)))].mean(1) for _ in range(DRAWS // 50)])
    low, high = np.quantile(means, [0.025, 0.975])
    return Score(task, language, metric, float(items.mean()), float(low), float(high), len(items))


def paired_score(
    task: str, language: str, metric: str, x: Floats, y: Floats, statistic: Callable[[Floats, Floats], float], seed: int = 0
) -> Score:
    """A statistic of paired values, such as a rank correlation, resampled over pairs."""
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, len(x), len(x)) for _ in range(DRAWS // 2))
    low, high = np.quantile([statistic(x[i], y[i]) for i in draws], [0.025, 0.975])
    return Score(task, language, metric, statistic(x, y), float(low), float(high), len(x))


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation, ties at their mean rank."""
    rx, ry = _ranks(x), _ranks(y)
    rx, ry = rx - rx.mean(), ry - ry.mean()
    norm = math.sqrt(float((rx**2).sum() * (ry**2).sum()))
    return float((rx * ry).sum() / norm) if norm else 0.0


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[inverse]
