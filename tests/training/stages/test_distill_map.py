"""A pooled map: pairs of vectors of the same texts, and a model that plain libraries load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError
from lusifer.models.hub import weights_hash
from lusifer.reshaping.linear_map import fit
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages.distill_map import MapBatches
from lusifer.training.texts import Epochs
from tests.conftest import TEXTS
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


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


def test_both_sides_of_a_batch_are_of_the_same_texts() -> None:
    x = np.arange(20, dtype=np.float32)[:, None]
    make = MapBatches(Epochs([""] * 20, 6, 0), x, -x)
    for step in range(7):
        batch = make(step)
        assert batch["x"].shape == (6, 1)
        np.testing.assert_array_equal(batch["x"], -batch["y"])


def test_vectors_are_the_fitted_map_of_the_encoder_s(texts: Path, model_folder: Folder) -> None:
    made = lusifer.load(train(recipe("distill map", texts, model_folder, kind="ridge")))
    x, y = (lusifer.load(model_folder(name)).encode(TEXTS) for name in ("xlm-roberta", "bert"))
    matrix, bias = fit("ridge", x, y, 1e-3)
    foreign = [*TEXTS[:3], "Где вокзал?", "駅"]
    own = lusifer.load(model_folder("xlm-roberta")).encode(foreign) @ matrix + bias
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(made.encode(foreign), own, atol=5e-3)


def test_a_dry_run_counts_the_map(texts: Path, model_folder: Folder) -> None:
    file = recipe("distill map", texts, model_folder)
    assert plan(file, ["kind=ridge"])["parameters"]["trained"] == 32 * 32 + 32
    assert plan(file, ["hidden=7"])["parameters"]["trained"] == 32 * 7 + 7 + 7 * 32 + 32
    with pytest.raises(ConfigError, match="penalty must be 0 or more"):
        load_recipe(file, ["penalty=-1"])
