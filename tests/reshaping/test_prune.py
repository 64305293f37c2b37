"""Layers are taken out by number, or where states change least."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.errors import ConfigError, LusiferError, ModelError
from lusifer.models import families
from lusifer.reshaping.prune import changes, least_needed, prune_layers
from tests.conftest import TEXTS, make_table
from tests.reshaping.test_trim import unigram

Folder = Callable[[str], Path]


def test_layers_by_number(tmp_path: Path) -> None:
    model = unigram(tmp_path / "model")
    assert prune_layers(model, tmp_path / "whole", layers=[0, 1, 2]) == [0, 1, 2]
    before = lusifer.load(model).encode(TEXTS)
    np.testing.assert_allclose(lusifer.load(tmp_path / "whole").encode(TEXTS), before, atol=1e-6)
    prune_layers(model, tmp_path / "two", layers=[0, 2])
    assert np.abs(lusifer.load(tmp_path / "two").encode(TEXTS) - before).max() > 1e-3


@pytest.mark.parametrize("family", ["bert", "llama", "modernbert", "mt5", "gemma3_text"])
def test_where_states_change_least(family: str, tmp_path: Path, model_folder: Folder) -> None:
    """A layer that does nothing is found, and its loss changes nothing."""
    model = lusifer.sentence_transformer(model_folder(family))
    inner = model[0].auto_model
    blocks = families.blocks(inner)
    with torch.no_grad():  # the last layer adds next to nothing to what it reads
        for name, parameter in blocks[1].named_parameters():
            residual = family in ("llama", "modernbert", "mt5", "gemma3_text")
            if residual and not any(part in name for part in ("norm",)):
                parameter.zero_()
    angles = changes(model, inner, TEXTS, 1)
    assert angles.shape == (2,)
    if family != "bert":  # whose norms turn any state
        assert angles[1] < 1e-6 < angles[0]
        model.save(str(tmp_path / "model"), create_model_card=False)
        kept = prune_layers(tmp_path / "model", tmp_path / "one", keep=1, texts=TEXTS)
        assert kept == [0]
        np.testing.assert_allclose(
            lusifer.load(tmp_path / "one").encode(TEXTS),
            lusifer.load(tmp_path / "model").encode(TEXTS),
            atol=1e-5,
        )


def test_angles_are_those_of_the_states(tmp_path: Path) -> None:
    model = lusifer.sentence_transformer(unigram(tmp_path / "model"))
    inner = model[0].auto_model
    features = model.preprocess(TEXTS[:3])
    mask = features["attention_mask"].bool()
    with torch.no_grad():
        states = inner(**features, output_hidden_states=True).hidden_states
    for out in (1, 2, 3):
        expected = [
            torch.nn.functional.cosine_similarity(states[i][mask], states[i + out][mask], dim=-1).arccos().mean() / torch.pi
            for i in range(4 - out)
        ]  # fmt: skip
        np.testing.assert_allclose(changes(model, inner, TEXTS[:3], out), expected, rtol=1e-3)


def test_which_stay() -> None:
    assert least_needed(np.array([0.5, 0.1, 0.2]), 4, 2) == [0, 3]
    assert least_needed(np.array([0.1, 0.2]), 2, 1) == [1]


def test_bad_input_is_told(tmp_path: Path) -> None:
    model = unigram(tmp_path / "model")
    for settings, line in (
        ({}, "one of both"),
        ({"layers": [0], "keep": 1}, "one of both"),
        ({"layers": [3]}, "the model's are 0 to 2"),
        ({"keep": 3, "texts": TEXTS}, "keep is 3; the model's layers are 3"),
        ({"keep": 1}, "name a file of them"),
    ):
        with pytest.raises((ConfigError, LusiferError), match=line):
            prune_layers(model, tmp_path / "small", **settings)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="has no layers"):
        prune_layers(make_table(tmp_path), tmp_path / "small", layers=[0])
    assert not (tmp_path / "small").exists()
