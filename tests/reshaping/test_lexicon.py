"""Finding translations by a map: the definitions, and a rotation that is found again."""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.reshaping.lexicon import (
    best,
    crowds,
    mapped,
    orthogonality,
    precision,
    refined,
    unit,
)
from lusifer.reshaping.linear_map import fit


def spaces(words: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Words of two languages whose spaces are a rotation of each other, to some noise."""
    rng = np.random.default_rng(seed)
    y = unit(rng.normal(size=(words, 24)).astype(np.float32))
    turn, _ = np.linalg.qr(rng.normal(size=(24, 24)))
    return unit((y @ turn + noise * rng.normal(size=y.shape)).astype(np.float32)), y


def test_nearest_by_both_measures_are_their_definitions() -> None:
    x, y = spaces(60, 0.2)
    cosine = x @ y.T
    assert (best(x, y) == cosine.argmax(1)).all()
    crowd_x, crowd_y = crowds(x, y)
    near_x = np.sort(cosine, 1)[:, -10:].mean(1)
    near_y = np.sort(cosine, 0)[-10:].mean(0)
    np.testing.assert_allclose(crowd_x, near_x, atol=1e-5)
    np.testing.assert_allclose(crowd_y, near_y, atol=1e-5)
    csls = 2 * cosine - near_x[:, None] - near_y[None]
    assert (best(x, y, crowd_y) == csls.argmax(1)).all()


def test_precision_counts_any_of_the_translations() -> None:
    y = np.eye(4, dtype=np.float32)
    x = y[[0, 1, 3, 2]]
    truth = {0: frozenset([0]), 1: frozenset([0, 1]), 2: frozenset([2]), 3: frozenset([1])}
    assert precision(x, y, truth, csls=False) == 0.5


def test_a_rotation_that_finds_pairs_itself_is_better_than_one_from_few() -> None:
    x, y = spaces(400, 0.1)
    pairs = np.stack([np.arange(20)] * 2, 1)
    truth = {i: frozenset([i]) for i in range(200, 400)}
    few = fit("rotation", x[:20], y[:20])
    told: list[tuple[str, int, int]] = []
    more = refined(x, y, pairs, lambda *step: told.append(step))
    before, after = (precision(mapped(x, m), y, truth, csls=True) for m in (few, more))
    assert after > before + 0.3
    assert told[-1] == ("refining", 5, 5)
    assert orthogonality(more[0]) < 1e-3


def test_how_far_from_a_rotation() -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(9, 9)))
    assert orthogonality(turn.astype(np.float32) * 3) == pytest.approx(0, abs=1e-4)
    flat = np.zeros((9, 9), dtype=np.float32)
    flat[0, 0] = 2
    assert orthogonality(flat) == pytest.approx(np.sqrt(8**2 + 8), rel=1e-4)
