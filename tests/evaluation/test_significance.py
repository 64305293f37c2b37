"""Paired tests find what is there, and raise false alarms as often as they may."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.evaluation.scores import Measured
from lusifer.evaluation.significance import bootstrap_p, holm, p_value, permutation_p, shared_ranks


def measured(
    values: np.ndarray, language: str = "deu_Latn", gold: np.ndarray | None = None
) -> Measured:
    kind = "mean" if gold is None else "spearman"
    return Measured("tatoeba", language, "to English", values, gold, kind)


def test_the_permutation_test_is_the_exact_one() -> None:
    difference = np.array([0.3, -0.1, 0.5, 0.2, 0.4, -0.2, 0.1, 0.3, 0.2, 0.6])
    signs = np.array(list(product([-1, 1], repeat=10)))
    exact = (np.abs((signs * difference).mean(1)) >= difference.mean() - 1e-12).mean()
    assert permutation_p([difference]) == pytest.approx(exact, abs=0.006)


def test_languages_that_share_sentences_are_flipped_together() -> None:
    rng = np.random.default_rng(0)
    d = rng.normal(0.1, 1, 200)
    assert permutation_p([d] * 20) == pytest.approx(permutation_p([d]), abs=1e-9), (
        "twenty copies are no more evidence than one"
    )
    independent = permutation_p([rng.normal(0.1, 1, 200 + i) for i in range(20)])
    assert independent < permutation_p([d])


def test_false_alarms_come_as_often_as_they_may() -> None:
    rng = np.random.default_rng(1)
    alarms = sum(permutation_p([rng.normal(size=80)]) < 0.05 for _ in range(200))
    assert 2 <= alarms <= 20
    gold = rng.normal(size=100)
    alarms = 0
    for _ in range(30):
        a, b = (measured(gold + rng.normal(size=100), gold=gold) for _ in range(2))
        alarms += p_value([a], [b]) < 0.05
    assert alarms <= 5


def test_holm_is_the_books() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert bootstrap_p(0.0, np.zeros(10)) == 1.0


def test_only_the_same_examples_are_compared() -> None:
    values = np.zeros(10)
    with pytest.raises(LusiferError, match=r"same examples .* deu_Latn .*\(10\) and .* fra_Latn"):
        p_value([measured(values)], [measured(values, "fra_Latn")])
    with pytest.raises(LusiferError, match=r"\(10\) and .*\(9\)"):
        p_value([measured(values)], [measured(values[:9])])


def test_a_rank_counts_those_that_are_better_beyond_doubt() -> None:
    assert shared_ranks([0.9, 0.89, 0.5], lambda i, j: abs(i - j) > 1) == [1, 1, 2]
    assert shared_ranks([0.9, 0.89, 0.5], lambda i, j: True) == [1, 2, 3]
    assert shared_ranks([0.9, 0.89, 0.5], lambda i, j: False) == [1, 1, 1]


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_holm_lies_between_plain_p_and_bonferroni(count: int) -> None:
    p = np.random.default_rng(count).random(count) / 10
    corrected = np.array(holm(list(p)))
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(1, p * count) + 1e-12).all()
    assert list(np.argsort(p)) == list(np.argsort(corrected, kind="stable")) or count > 1
