"""Closed-form maps find the map that made the data, and equal scikit-learn's ridge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import Ridge

from lusifer.models.bridge import Bridge, BridgeConfig, Part, masked_mean
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.models.hub import weights_hash
from lusifer.training.maps import fit
from lusifer.training.run import train
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


@pytest.mark.parametrize("kind", ["rotation", "ridge", "mlp"])
def test_a_pooled_model_is_plain_sentence_transformers(
    kind: str, english_tsv: Path, model_folder: Folder
) -> None:
    recipe = english_tsv / "r.yaml"
    recipe.write_text(
        f"stage: distill\nmethod: map\noutput: {english_tsv / 'out'}\nencoder: {model_folder('modernbert')}\ntarget: {model_folder('bert')}\nkind: {kind}\n"
        f"data: {{root: {english_tsv}, sources: [{{files: [texts.tsv], columns: [language, text]}}]}}\n"
        "batch_size: 4\noptim: {steps: 4, workers: 0, precision: fp32}\n",
        encoding="utf-8",
    )
    made = train(recipe)
    vectors = SentenceTransformer(str(made), device="cpu").encode(TEXTS)
    assert vectors.shape == (16, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    before, dense = weights_hash(made), next(made.glob("*_Dense/model.safetensors"))
    dense.write_bytes(dense.read_bytes()[:-4] + b"\0\0\0\0")
    assert weights_hash(made) != before, "the map is part of the model"


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
