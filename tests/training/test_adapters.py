"""Adapters are trained alone, start as nothing, and fold into the weights without a trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.errors import ConfigError
from lusifer.models import Lora
from lusifer.models.families import no_dropout
from lusifer.training.adapters import add_lora, fold_lora
from tests.conftest import TEXTS, make_table

Folder = Callable[[str], Path]


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert", "qwen3"])
def test_adapters_start_as_nothing_and_are_folded_in(family: str, model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder(family))
    no_dropout(model)
    names = set(model.state_dict())
    plain = model.encode(TEXTS)
    add_lora(model, Lora(rank=4, alpha=8, dropout=0.0))
    np.testing.assert_allclose(model.encode(TEXTS), plain, atol=1e-5)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    for parameter in trained.values():
        torch.nn.init.normal_(parameter, std=0.2)
    learnt = model.encode(TEXTS)
    assert np.abs(learnt - plain).max() > 1e-2
    fold_lora(model)
    np.testing.assert_allclose(model.encode(TEXTS), learnt, atol=2e-4)
    assert set(model.state_dict()) == names
    assert all(p.requires_grad for p in model.parameters())


def test_gradients_reach_the_adapters_alone(model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("modernbert"))
    add_lora(model, Lora(rank=2))
    features = model.preprocess(TEXTS[:2])
    model(features)["sentence_embedding"].sum().backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None}
    assert moved == {name for name, _ in model.named_parameters() if "lora_" in name}


def test_a_table_has_no_layers_to_adapt(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    tokenizer = lusifer.load(make_table(tmp_path)).tokenizer  # type: ignore[attr-defined]
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    with pytest.raises(
        ConfigError, match=r"first module is StaticEmbedding, .* no layers to adapt$"
    ):
        add_lora(model, Lora())
