"""A classifier learns what can be learnt, says honestly how well, and gives a label only where it is
right as often as asked.
"""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.insight.labelled import Labelled
from lusifer.insight.teach import Teaching, _folds, evaluate_classifier, judge, train_classifier
from lusifer.models.load import LoadedModel
from tests.insight.conftest import KINDS, labelled


@pytest.mark.parametrize("kind", ["logistic", "mlp"])
def test_it_learns_and_says_how_well(model: LoadedModel, kind: str) -> None:
    made = train_classifier(labelled(), model, Teaching(kind=kind))  # type: ignore[arg-type]
    told = {(s["language"], s["metric"]): s["value"] for s in made.about["scores"]}
    assert set(told) == {
        (a, b) for a in ("all", "eng_Latn", "deu_Latn") for b in ("accuracy", "macro-F1")
    }
    fresh = {(s.language, s.metric): s for s in evaluate_classifier(made, labelled(300, seed=1))}
    assert fresh["all", "accuracy"].value > 0.9
    assert told["all", "accuracy"] == pytest.approx(fresh["all", "accuracy"].value, abs=0.08)
    assert (
        fresh["all", "accuracy"].low
        <= fresh["all", "accuracy"].value
        <= fresh["all", "accuracy"].high
    )
    others = labelled(60, seed=2)
    right = [
        p.label == label for p, label in zip(made.predict(others.texts), others.labels, strict=True)
    ]
    assert sum(right) >= 54


def test_a_text_that_is_there_twice_does_not_judge_itself(model: LoadedModel) -> None:
    rows = labelled(30, noise=1.0)  # labels by chance
    twice = Labelled(
        [*rows.texts, *(f" {text.upper()} " for text in rows.texts)],
        rows.labels * 2,
        rows.languages * 2,
    )
    numbers = np.array([KINDS.index(label) for label in twice.labels])
    for train, test in _folds(twice.texts, numbers, Teaching()):
        assert not set(train % 30) & set(test % 30)
    made = train_classifier(twice, model)
    accuracy = next(s["value"] for s in made.about["scores"] if s["metric"] == "accuracy")
    assert accuracy < 0.7, "nothing can be learnt, and the figure says so"


def test_labels_are_given_where_they_are_right_often_enough(model: LoadedModel) -> None:
    rows = labelled(300, noise=0.3)
    plain = train_classifier(rows, model)
    sure = train_classifier(rows, model, Teaching(precision=0.9))
    assert plain.thresholds == {}
    for table in sure.about["labels"].values():
        assert table["given"] == 0 or table["precision"] >= 0.9
    fresh = labelled(300, seed=5)
    given = [p.label for p in sure.predict(fresh.texts)]
    assert None in given
    assert all(p.label is not None for p in plain.predict(fresh.texts))


def test_runs_are_the_same(model: LoadedModel) -> None:
    one, two = (train_classifier(labelled(), model, Teaching(kind="mlp", seed=3)) for _ in range(2))
    for (a, b), (c, d) in zip(one.head.layers, two.head.layers, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_few_examples(model: LoadedModel) -> None:
    rows = labelled(6)
    made = train_classifier(rows, model)
    assert made.about["folds"] == 2
    assert [p.label for p in made.predict(rows.texts)] == rows.labels


def test_macro_f1_is_scikit_learns() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    labels, found = rng.integers(0, 3, 200), rng.integers(0, 4, 200)
    probabilities = np.eye(4)[found]
    scores = {s.metric: s for s in judge("abcd", labels, probabilities, [""] * 200, "t")}
    expected = f1_score(labels, found, labels=[0, 1, 2], average="macro")
    assert scores["macro-F1"].value == pytest.approx(expected)
    assert scores["macro-F1"].low < expected < scores["macro-F1"].high


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (Labelled(["a", "b"], ["x", "x"], ["", ""]), "all rows have the label 'x'"),
        (Labelled(["a", "b", "c"], ["x", "x", "y"], [""] * 3), "the label 'y' has one text"),
        (
            Labelled(["a", "b", "c", "C "], ["x", "x", "y", "y"], [""] * 4),
            "the label 'y' has one text",
        ),
    ],
)
def test_what_cannot_be_learnt_from(model: LoadedModel, rows: Labelled, said: str) -> None:
    with pytest.raises(LusiferError, match=said):
        train_classifier(rows, model)


def test_wrong_settings_and_unknown_labels(model: LoadedModel) -> None:
    for wrong in ({"kind": "tree"}, {"precision": 0.0}, {"precision": 2.0}, {"folds": 1}):
        with pytest.raises(LusiferError, match=next(iter(wrong))):
            Teaching(**wrong)  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="no prompt 'nope'"):
        train_classifier(labelled(), model, Teaching(prompt="nope"))
    with pytest.raises(LusiferError, match="'sky' is none of the classifier's: sea, town, work"):
        evaluate_classifier(train_classifier(labelled(), model), Labelled(["a"], ["sky"], [""]))
