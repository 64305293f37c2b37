"""Whitening evens variances out, keeps the largest first, and changes nothing but a rotation at
power 0.
"""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.reshaping.whiten import whitening


@pytest.fixture
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    turned, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    return (rng.normal(size=(4000, 6)) * [3, 2, 1, 0.5, 0.2, 0.1] @ turned).astype(np.float32)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_variances_become_their_power(vectors: np.ndarray, power: float) -> None:
    before = np.sort(np.linalg.eigvalsh(np.cov(vectors.T)))[::-1]
    after = np.cov((vectors @ whitening(vectors, power)).T)
    np.testing.assert_allclose(np.diag(after), before ** (1 - power), rtol=1e-3)
    assert np.abs(after - np.diag(np.diag(after))).max() < 1e-3


def test_a_rotation_keeps_cosines(vectors: np.ndarray) -> None:
    turned = vectors @ whitening(vectors, 0.0)
    np.testing.assert_allclose(turned @ turned[:9].T, vectors @ vectors[:9].T, atol=1e-3)


def test_what_cannot_be_whitened_is_told(vectors: np.ndarray) -> None:
    with pytest.raises(LusiferError, match="more vectors than dimensions, 6; here are 5"):
        whitening(vectors[:5])
    with pytest.raises(LusiferError, match="NaN"):
        whitening(np.where(vectors == vectors[3, 2], np.nan, vectors))
