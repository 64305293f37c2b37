"""Whitening evens variances out, keeps the largest first, and changes nothing but a rotation at
power 0.
"""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.errors import ConfigError, LusiferError
from lusifer.reshaping.whiten import Evening, evened, language_axes, whitening


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


def test_evening_centres_and_keeps_what_is_asked_for(vectors: np.ndarray) -> None:
    shifted = vectors + 5
    matrix, bias = evened(shifted, Evening())
    made = shifted @ matrix + bias
    assert np.abs(made.mean(0)).max() < 1e-3
    centred = vectors - vectors.mean(0)
    np.testing.assert_allclose(made @ made[:9].T, centred @ centred[:9].T, atol=5e-3)
    two, shift = evened(shifted, Evening(dim=2))
    np.testing.assert_allclose(shifted @ two + shift, made[:, :2], atol=1e-3)
    rest, shift = evened(shifted, Evening(remove=2))
    np.testing.assert_allclose(shifted @ rest + shift, made[:, 2:], atol=1e-3)


def test_axes_of_languages_go_and_no_other(vectors: np.ndarray) -> None:
    """What is left has the same mean in every language, and no variance along the axis that went."""
    axis, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 1)))
    languages = ["eng_Latn", "deu_Latn"] * 2000
    apart = vectors + np.where(np.arange(4000) % 2, 4.0, -4.0)[:, None].astype(np.float32) * axis.T
    found = language_axes((apart - apart.mean(0)).astype(np.float64), languages, 1)
    assert abs(float(found[:, 0] @ axis[:, 0])) > 0.99
    matrix, bias = evened(apart.astype(np.float32), Evening(language_axes=1), languages)
    assert matrix.shape == (6, 5)
    made = apart @ matrix + bias
    assert np.abs(made[::2].mean(0) - made[1::2].mean(0)).max() < 1e-3
    np.testing.assert_allclose(found.T @ matrix, 0, atol=1e-5)


def test_numbers_that_are_large_in_every_text_go() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(500, 40)).astype(np.float32)
    x[:, 7] += 30
    matrix, bias = evened(x, Evening(outliers=True))
    assert np.abs(matrix[7]).max() < 1e-6
    assert np.linalg.matrix_rank(matrix, tol=1e-4) == 39
    assert np.isfinite(x @ matrix + bias).all()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"power": 1.5}, "power is 1.5; it is from 0"),
        ({"remove": -1}, "remove is -1; it is 0 or more"),
        ({"remove": 6}, "take 6 of the vectors' 6 axes; fewer than all may go"),
        ({"dim": 6, "remove": 1}, "dim is 6; it is from 1 to 5"),
        ({"dim": 0}, "dim is 0; it is from 1 to 6"),
        ({"language_axes": 2}, "the texts are in 2 languages, which differ along 1 axes at most"),
    ],
)
def test_what_does_not_go_together_is_told(
    settings: dict[str, float], line: str, vectors: np.ndarray
) -> None:
    with pytest.raises(ConfigError, match=line):
        evened(vectors, Evening(**settings), ["eng_Latn", "deu_Latn"] * 2000)  # type: ignore[arg-type]
