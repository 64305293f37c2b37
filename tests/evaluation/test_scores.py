"""Intervals hold the value, shrink with n, and are the plain bootstrap's."""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.evaluation.scores import DRAWS, Measured, resamples, spearman, v_measure


def test_intervals_shrink_with_n_and_hold_the_value() -> None:
    rng = np.random.default_rng(3)
    small, large = (
        Measured("t", "x", "m", (rng.random(n) < 0.4).astype(float)).score() for n in (50, 5000)
    )
    for s in (small, large):
        assert s.low < s.value < s.high
    assert large.high - large.low < (small.high - small.low) / 5
    exact = np.sqrt(0.24 / 5000) * 1.96
    assert (large.high - large.low) / 2 == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize("statistic", ["spearman", "average precision", "v-measure"])
def test_statistics_are_drawn_as_by_a_plain_loop(statistic: str) -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 2, 60)
    values = rng.integers(0, 3, 60) if statistic == "v-measure" else gold + rng.normal(size=60)
    measured = Measured("t", "x", "m", values, gold, statistic)
    counts = np.concatenate(list(resamples(60)))
    assert counts.shape == (DRAWS, 60)
    assert (counts.sum(1) == 60).all()
    plain = [measured.of(np.repeat(np.arange(60), c.astype(int))) for c in counts[:40]]
    np.testing.assert_allclose(measured.draws()[:40], plain, atol=1e-6)
    score = measured.score()
    assert score.low < score.value < score.high or statistic == "v-measure"


def test_the_mean_is_drawn_as_by_a_plain_loop() -> None:
    values = np.random.default_rng(1).random(30)
    counts = np.concatenate(list(resamples(30)))
    plain = [np.repeat(values, c.astype(int)).mean() for c in counts]
    np.testing.assert_allclose(Measured("t", "x", "m", values).draws(), plain, atol=1e-6)


def test_what_is_empty_or_flat_is_told() -> None:
    with pytest.raises(LusiferError, match="t, x, m: no example to score"):
        Measured("t", "x", "m", np.zeros(0))
    assert spearman(np.zeros(5), np.arange(5)) == 0
    assert v_measure(np.arange(4), np.arange(4)) == pytest.approx(1)
