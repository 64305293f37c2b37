"""Differences that are real are found, others are not; ranks are shared where models cannot be told
apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lusifer.evaluation.compare import compare, missing_scores
from lusifer.evaluation.outcomes import Outcome
from lusifer.evaluation.report.tables import markdown, score_table
from lusifer.evaluation.scores import Measured


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


def test_ranks_are_shared_where_nothing_is_proven() -> None:
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
