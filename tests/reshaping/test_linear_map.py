"""Closed-form maps find the map that made the data, and equal scikit-learn's ridge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

from lusifer.models.bridge import Bridge, BridgeConfig, Part, masked_mean
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.reshaping.linear_map import fit
from lusifer.training.stages.distill_bridge import start_residual
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def test_a_rotation_is_found_again() -> None:
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    x = rng.normal(size=(500, 12)).astype(np.float32)
    y = (0.3 * x @ rotation + 2.0).astype(np.float32)
    matrix, bias = fit("rotation", x, y)
    np.testing.assert_allclose(x @ matrix + bias, y, atol=1e-4)
    np.testing.assert_allclose(matrix @ matrix.T, 0.09 * np.eye(12), atol=1e-4)


def test_ridge_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    x, y = (
        rng.normal(size=(200, 6)).astype(np.float32),
        rng.normal(size=(200, 4)).astype(np.float32),
    )
    reference = Ridge(alpha=0.5 * 200 / 6).fit(x.astype(np.float64), y.astype(np.float64))
    matrix, bias = fit("ridge", x, y, penalty=0.5)
    np.testing.assert_allclose(matrix, reference.coef_.T, atol=1e-5)
    np.testing.assert_allclose(bias, reference.intercept_, atol=1e-5)


def test_the_residual_starts_as_the_rotation(model_folder: Folder) -> None:
    config = BridgeConfig(
        Part(str(model_folder("bert"))),
        Part(str(model_folder("bert"))),
        MLPConfig(residual=True),
        max_tokens=64,
    )
    bridge = Bridge.new(config)
    batch = bridge.preprocess(TEXTS)
    means = (
        masked_mean(*bridge.encode_tokens(batch["input_ids"], batch["attention_mask"]))
        .detach()
        .numpy()
    )
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(32, 32)))
    start_residual(bridge, TEXTS, (means @ rotation).astype(np.float16), ["document"] * len(TEXTS))
    assert bridge.residual is not None
    got = means @ bridge.residual.weight.detach().numpy().T + bridge.residual.bias.detach().numpy()
    np.testing.assert_allclose(got, means @ rotation, atol=0.1)
    assert {"gate", "residual.weight", "residual.bias"} <= set(bridge.trained_names())
