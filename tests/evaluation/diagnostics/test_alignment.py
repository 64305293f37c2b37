"""Each figure of a language against English is its definition, written plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import skew

import lusifer
from lusifer.encoding.cache import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation.diagnostics import alignment as d, perturb
from lusifer.models.token_access import TokenAccess
from tests.evaluation.oracle import Oracle
from tests.evaluation.test_metrics import unit


def test_mexa_csls_hubness_and_anisotropy_are_their_definitions() -> None:
    rng = np.random.default_rng(0)
    x = unit(rng, 40)
    y = x + 1.2 * unit(rng, 40)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    c = (x @ y.T).astype(np.float64)
    plain = [
        all(c[i, i] > c[i, j] and c[i, i] > c[j, i] for j in range(40) if j != i) for i in range(40)
    ]
    assert d.mexa(c) == pytest.approx(np.mean(plain))
    assert 0 < np.mean(plain) < 1
    near_x = [np.mean(sorted(c[i])[-10:]) for i in range(40)]
    near_y = [np.mean(sorted(c[:, j])[-10:]) for j in range(40)]
    np.testing.assert_allclose(
        d.csls(c),
        [[2 * c[i, j] - near_x[i] - near_y[j] for j in range(40)] for i in range(40)],
        atol=1e-9,
    )
    counts = [sum(j in np.argsort(-c[i])[:10] for i in range(40)) for j in range(40)]
    assert d.hubness(c) == pytest.approx(skew(counts), abs=1e-9)
    assert d.anisotropy(x) == pytest.approx(
        np.mean([x[i] @ x[j] for i in range(40) for j in range(40) if i != j]), abs=1e-5
    )
    shifted = x.copy()
    shifted[:, 3] += 5
    assert 3 in d.outliers(shifted)


def test_drift_is_none_for_the_same_vectors_and_kept_by_a_rotation() -> None:
    rng = np.random.default_rng(1)
    x = unit(rng, 60)
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    assert d.drift(x, x) == {"neighbours kept": 1.0, "cosine": pytest.approx(1.0)}
    turned = d.drift(x @ turn.astype(np.float32), x)
    assert turned["neighbours kept"] == pytest.approx(1.0)
    assert turned["cosine"] < 0.5
    assert "cosine" not in d.drift(x[:, :6] / np.linalg.norm(x[:, :6], axis=1, keepdims=True), x)


@pytest.mark.parametrize("name", ["default", "static"])
def test_fertility_counts_tokens_words_and_the_unknown(name: str) -> None:
    model: Any = lusifer.load(name)
    tokens = TokenAccess.of(model)
    assert tokens is not None
    found = d.fertility(tokens, ["Guten Morgen, liebe Welt"], ["Good morning, dear world"])
    mine, english = (
        len(model.tokenizer.encode(t, add_special_tokens=False).ids)
        for t in ("Guten Morgen, liebe Welt", "Good morning, dear world")
    )
    assert found["premium"] == pytest.approx(mine / english)
    assert found["tokens_per_word"] == pytest.approx(mine / 4)
    assert found["unknown"] == 0
    assert TokenAccess.of(Oracle()) is None
    assert d.fertility(None, ["a"], ["a"]) == {}


def test_a_language_is_diagnosed_whole(tmp_path: Path) -> None:
    english = [
        f"a sentence about {w}"
        for w in ("bread", "rain", "trains", "music", "money", "doctors", "winter", "letters")
    ]
    german = [
        f"ein Satz über {w}"
        for w in ("Brot", "Regen", "Züge", "Musik", "Geld", "Ärzte", "Winter", "Briefe")
    ]
    encoder = Encoder(lusifer.load("static"), tmp_path)
    row = d.diagnose_language(encoder, "deu_Latn", german, english).row()
    assert row["mexa"] > 0.5
    assert set(row["changes"]) == set(perturb.CHANGES)
    assert row["changes"]["upper case"] == pytest.approx(1, abs=1e-4), (
        "its tokenizer writes small letters"
    )
    own = d.diagnose_language(encoder, "eng_Latn", english, english).row()
    assert own["mexa"] is None
    assert own["premium"] == 1
    assert "no accents" not in own["changes"]


def test_csls_takes_a_hub_down() -> None:
    """A sentence near to all is every other's nearest by cosine, and its own alone by CSLS."""
    rng = np.random.default_rng(4)
    y = unit(rng, 30)
    hub = y[:1] * 0
    hub[0, 0] = 1.0
    x = y + 0.9 * hub + 0.5 * unit(rng, 30)
    y[7] = hub[0]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    cosine = (x @ y.T).astype(np.float64)
    assert d.accuracy(d.csls(cosine)) > d.accuracy(cosine)


def test_two_principal_axes_are_kept_whatever_the_turn() -> None:
    rng = np.random.default_rng(5)
    x = (rng.normal(size=(50, 6)) * [9, 4, 0.1, 0.1, 0.1, 0.1]).astype(np.float32)
    points = d.flat(x)
    centred = x - x.mean(0)
    np.testing.assert_allclose(np.abs(points), np.abs(centred[:, :2]), atol=1.0)
    np.testing.assert_allclose(d.flat(-x), -points, atol=1e-3)
    assert points.std(0)[0] > points.std(0)[1] > 1


@pytest.mark.parametrize("rows", [1, 2])
def test_one_sentence_has_no_others(rows: int) -> None:
    x = unit(np.random.default_rng(6), rows)
    found = d.compared(x, x)
    assert found["mexa"] == 1.0
    assert found["likeness"] == pytest.approx(1.0)
    assert found["hubness"] == 0.0
    assert d.anisotropy(x) == pytest.approx(float(x[0] @ x[1]) if rows > 1 else 0.0, abs=1e-6)


def test_one_sentence_has_no_neighbours_to_drift_from() -> None:
    one = np.ones((1, 4), dtype=np.float32)
    with pytest.raises(LusiferError, match="two English sentences or more"):
        d.drift(one, one)
