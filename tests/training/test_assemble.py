"""A bridge as a SentenceTransformer: its pooling and prompts, saved whole, and the figures of a dry
run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.models import Bridge, BridgeConfig, Part
from lusifer.training.assemble import assemble, plan_bridge, ready, save_model
from lusifer.training.optim import Optim
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def config(model_folder: Folder) -> BridgeConfig:
    return BridgeConfig(
        Part(str(model_folder("xlm-roberta"))), Part(str(model_folder("bert"))), max_tokens=64
    )


@pytest.mark.parametrize("pooling", ["mean", "cls", None])
def test_what_is_saved_gives_the_vectors_of_what_was_assembled(
    pooling: Any, config: BridgeConfig, tmp_path: Path
) -> None:
    prompts = {"query": "Frage: ", "document": "文書: "}
    model = assemble(Bridge.new(replace(config, pooling=pooling, prompts=prompts)), "cpu").eval()
    assert model.default_prompt_name == "document"
    assert model[1].pooling_mode == (pooling or "mean")
    texts = [*TEXTS[:3], "Где вокзал?", "駅はどこですか", ""]
    own = model.encode(texts, prompt_name="query")
    np.testing.assert_allclose(np.linalg.norm(own, axis=1), 1, atol=1e-5)
    save_model(model, tmp_path / "out")
    loaded = lusifer.load(tmp_path / "out")
    assert loaded.prompts == prompts
    np.testing.assert_allclose(loaded.encode(texts, prompt="query"), own, atol=1e-5)


def test_without_a_document_prompt_there_is_no_default(config: BridgeConfig) -> None:
    for prompts in ({}, {"query": "Q: "}, {"document": ""}):
        made = assemble(Bridge.new(replace(config, prompts=prompts)), "cpu")
        assert made.default_prompt_name is None


def test_a_dry_run_counts_what_the_bridge_has(config: BridgeConfig) -> None:
    bridge = Bridge.new(replace(config, encoder=replace(config.encoder, train="lora")))
    ready(bridge, Optim())
    trained = sum(p.numel() for p in bridge.parameters() if p.requires_grad)
    plan = plan_bridge(bridge.config, 256, 32, Optim())
    assert plan["parameters"]["trained"] == trained
    assert plan["parameters"]["total"] == sum(p.numel() for p in bridge.parameters())
    saving = plan_bridge(bridge.config, 256, 32, Optim(gradient_checkpointing=True))
    assert saving["memory_bytes"] < plan["memory_bytes"]
    assert plan_bridge(bridge.config, 512, 32, Optim())["memory_bytes"] > plan["memory_bytes"]
