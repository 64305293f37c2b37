"""Is a difference real? Paired tests over the same examples, corrected for many comparisons; ranks
shared where it is not.

Method: for means, a sign-flip permutation test of the per-example differences (Fisher's
randomisation; Smucker et al. 2007), where several languages' mean is compared the same flips for
sets of equal size, so that a sentence's translations are flipped together; for a statistic of the
whole sample, such as Spearman's correlation, the paired bootstrap of the difference (Efron and
Tibshirani 1993; Dror et al. 2018). p is corrected by Holm's step-down (1979). A model's rank is one
more than the number of models that are better beyond doubt. Cost: draws x examples. Not for two
runs on different examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError
from lusifer.evaluation.scores import Measured

Floats = npt.NDArray[np.float64]
FLIPS, BLOCK = 10_000, 500
LEVEL = 0.05


def p_value(first: Sequence[Measured], second: Sequence[Measured]) -> float:
    """Two-sided p that two models have one mean over these languages. Raises LusiferError where
    their examples differ.
    """
    for a, b in zip(first, second, strict=True):
        if (a.task, a.language, a.metric, a.values.shape) != (
            b.task,
            b.language,
            b.metric,
            b.values.shape,
        ):
            raise LusiferError(
                f"a paired test wants the same examples for both models; here are {_what(a)} and {_what(b)}"
            )
    if all(a.gold is None for a in first):
        return permutation_p(
            [a.values.astype(np.float64) - b.values for a, b in zip(first, second, strict=True)]
        )
    observed = float(np.mean([a.value() - b.value() for a, b in zip(first, second, strict=True)]))
    draws = np.mean([a.draws() - b.draws() for a, b in zip(first, second, strict=True)], axis=0)
    return bootstrap_p(observed, draws)


def permutation_p(differences: Sequence[Floats]) -> float:
    """Two-sided p that the mean over languages of their mean difference is 0; never below 1 /
    (FLIPS + 1).
    """
    observed = abs(float(np.mean([d.mean() for d in differences])))
    joined: dict[int, Floats] = {}
    for d in differences:
        joined[len(d)] = joined.get(len(d), np.zeros(len(d))) + d / (len(d) * len(differences))
    reached = 0
    for block in range(FLIPS // BLOCK):
        total = np.zeros(BLOCK)
        for n, d in joined.items():
            signs = np.random.default_rng((n, block)).integers(0, 2, (BLOCK, n), dtype=np.int8)
            total += 2.0 * (signs @ d) - d.sum()
        reached += int((np.abs(total) >= observed - 1e-12).sum())
    return (reached + 1) / (FLIPS + 1)


def bootstrap_p(observed: float, draws: Floats) -> float:
    """Two-sided p that a difference is 0, from resamples of it: normal in its tails, which a
    thousand draws do not reach.
    """
    spread = float(draws.std(ddof=1))
    if spread < 1e-12:
        return 1.0 if abs(observed) < 1e-12 else 1 / (FLIPS + 1)
    return max(math.erfc(abs(observed) / spread / math.sqrt(2)), 1 / (FLIPS + 1))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false alarm among them keeps its level."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = highest
    return [float(c) for c in corrected]


def shared_ranks(values: Sequence[float], real: Callable[[int, int], bool]) -> list[int]:
    """Each model's rank from 1: one more than how many have a higher value and `real(i, j)` says
    that the difference is.
    """
    return [
        1 + sum(values[j] > values[i] and real(i, j) for j in range(len(values)))
        for i in range(len(values))
    ]


def _what(m: Measured) -> str:
    return f"{m.task} {m.language} {m.metric} ({len(m.values)})"
