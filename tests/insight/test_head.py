"""A head computes what scikit-learn computes, is calibrated, and counts classes alike if told to."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from lusifer.insight.head import Head, calibration_error, fitted_temperature, softmax


def clouds(
    classes: int, size: int = 60, spread: float = 0.6, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 12))
    x = np.repeat(centres, size, 0) + spread * rng.normal(size=(classes * size, 12))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), np.repeat(
        np.arange(classes), size
    )


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_is_scikit_learns(classes: int, balanced: bool) -> None:
    x, y = clouds(classes)
    x, y = x[:-40], y[:-40]
    theirs = LogisticRegression(
        C=3.0, max_iter=2000, class_weight="balanced" if balanced else None
    ).fit(x, y)
    ours = Head.fit(x, y, strength=3.0, balanced=balanced)
    np.testing.assert_allclose(ours.probabilities(x), theirs.predict_proba(x), atol=2e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_mlp_is_scikit_learns(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = clouds(classes)
    fitted: list[MLPClassifier] = []
    fit = MLPClassifier.fit
    monkeypatch.setattr(
        MLPClassifier, "fit", lambda self, a, b: fitted.append(fit(self, a, b)) or self
    )
    ours = Head.fit(x, y, kind="mlp", seed=1)
    np.testing.assert_allclose(ours.probabilities(x), fitted[0].predict_proba(x), atol=2e-5)
    assert (ours.probabilities(x).argmax(1) == y).mean() > 0.9


def test_balanced_networks_find_the_small_class() -> None:
    x, y = clouds(2, spread=1.2)
    keep = np.r_[0:60, 60:66]
    heads = [Head.fit(x[keep], y[keep], kind="mlp", balanced=b) for b in (False, True)]
    found = [int((head.probabilities(x).argmax(1)[60:] == 1).sum()) for head in heads]
    assert found[1] > found[0]


def test_the_temperature_that_made_the_labels_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3))
    shares = softmax(logits / 0.5)
    labels = (rng.random(20_000)[:, None] > shares.cumsum(1)).sum(1)
    assert fitted_temperature(logits, labels) == pytest.approx(0.5, rel=0.05)
    assert (
        calibration_error(softmax(logits / 0.5), labels)
        < 0.02
        < calibration_error(softmax(logits / 5), labels)
    )


def test_large_logits_are_no_overflow() -> None:
    np.testing.assert_allclose(
        softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]])), [[1, 0], [0.5, 0.5]]
    )
