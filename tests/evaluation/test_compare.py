"""Differences that are real are found, others are not; ranks are shared where models cannot be told
apart.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.evaluation.compare import compare, missing_scores
from lusifer.evaluation.report.tables import markdown, score_table
from lusifer.evaluation.run import Outcome
from lusifer.evaluation.scores import Measured
from lusifer.evaluation.significance import bootstrap_p, holm, p_value, permutation_p, shared_ranks


def measured(
    values: np.ndarray,
    language: str = "deu_Latn",
    metric: str = "to English",
    gold: np.ndarray | None = None,
) -> Measured:
    return Measured(
        "tatoeba", language, metric, values, gold, "mean" if gold is None else "spearman"
    )


def outcome(*found: Measured) -> Outcome:
    return Outcome("tatoeba", "BitextMining", found, tuple(m.score() for m in found), 0.0)


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


def test_ranks_are_shared_where_nothing_is_proven() -> None:
    assert shared_ranks([0.9, 0.89, 0.5], lambda i, j: abs(i - j) > 1) == [1, 1, 2]
    rng = np.random.default_rng(2)
    easy = rng.random(1000)
    good, twin, poor = ((easy < level).astype(float) for level in (0.7, 0.7, 0.4))
    twin[:2] = 1 - twin[:2]
    (row,) = compare(
        {
            name: [outcome(measured(v))]
            for name, v in (("good", good), ("twin", twin), ("poor", poor))
        }
    )
    assert [c.rank for c in row.cells] == [1, 1, 3]
    assert all(c.low < c.value < c.high for c in row.cells)


def test_an_error_rate_ranks_the_lower_first() -> None:
    rng = np.random.default_rng(3)
    low, high = ((rng.random(500) < p).astype(float) for p in (0.1, 0.5))
    (row,) = compare(
        {
            "high": [outcome(measured(high, metric="xsim error"))],
            "low": [outcome(measured(low, metric="xsim error"))],
        }
    )
    assert [c.rank for c in row.cells] == [2, 1]


def test_a_mean_is_over_what_all_have_and_says_what_it_leaves_out() -> None:
    values = np.tile([0.0, 1.0], 50)
    one = [
        outcome(
            measured(values),
            measured(values, "fra_Latn"),
            measured(values, "cor_Latn"),
            measured(values, metric="from English"),
        )
    ]
    other = [outcome(measured(values), measured(values, "cor_Latn"))]
    (mean,) = compare({"one": one, "other": other})
    assert (mean.which, mean.languages, mean.lacking, mean.examples) == (
        "all",
        ("deu_Latn", "cor_Latn"),
        ("fra_Latn",),
        200,
    )
    assert missing_scores({"one": one, "other": other}) == ["other has no tatoeba from English"]
    rows = compare({"one": one, "other": other}, by_language=True)
    assert [r.which for r in rows] == ["deu_Latn", "cor_Latn"]
    text = markdown(rows, ["one", "other"])
    assert "| tatoeba | to English | deu_Latn | 100 | **.500 ±" in text
    assert score_table(rows, ["one", "other"]).row_count == 2


def test_different_examples_are_refused() -> None:
    with pytest.raises(LusiferError, match="wants the same examples"):
        p_value([measured(np.zeros(5))], [measured(np.zeros(6))])


@pytest.mark.parametrize(
    ("ours", "theirs", "metric", "what"),
    [
        ({"data": "one"}, {"data": "other"}, "to English", "data files"),
        ({"data": "one"}, {"data": "other"}, "to anchor", "data files"),
        ({"data": "one", "anchor": "a"}, {"data": "one", "anchor": "b"}, "to anchor", "anchors"),
        ({"data": "one", "anchor": "a"}, {"data": "one", "anchor": "b"}, "to English", None),
        ({"data": "one", "anchor": "a"}, {"data": "one"}, "to English", None),
        ({"data": "one"}, {}, "to English", None),  # nobody wrote down what it was measured by
    ],
)
def test_results_of_different_files_or_anchors_are_not_ranked_but_named(
    ours: dict[str, str], theirs: dict[str, str], metric: str, what: str | None
) -> None:
    values = np.arange(40) % 2.0
    models = {
        name: [replace(outcome(measured(values, metric=metric)), **by)]
        for name, by in (("ours", ours), ("theirs", theirs))
    }
    assert bool(compare(models)) == (what is None)
    named = [f"tatoeba {metric} is not compared: its results were made with different {what}"]
    assert missing_scores(models) == (named if what else [])
