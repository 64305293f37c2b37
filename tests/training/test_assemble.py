"""A bridge as a SentenceTransformer: its pooling and prompts, saved whole, and the figures of a dry
run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

import lusifer
from lusifer.models import Bridge, BridgeConfig, Part
from lusifer.training import pairs
from lusifer.training.assemble import assemble, plan_bridge, ready, save_model
from lusifer.training.optim import Optim
from lusifer.training.run import plan
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


def test_a_mini_batch_is_of_each_process(
    config: BridgeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bytes_of(tokens: int, mini: int | None) -> int:
        found: int = plan_bridge(config, tokens, 32, Optim(), mini)["memory_bytes"]
        return found

    alone, cached = bytes_of(4096, None), bytes_of(4096, 512)
    assert cached < alone
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert bytes_of(4096, None) < alone
    assert bytes_of(4096, 512) == cached  # not a quarter of it
    assert bytes_of(4096, 2048) == bytes_of(4096, None)  # a process has no more than its share


@pytest.mark.parametrize("stage", ["lusifer-7b", "lusifer-7b-finetune"])
def test_the_paper_s_model_fits_eight_cards_of_80_gb(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the configurations of its bases alone."""
    transformers.XLMRobertaConfig(
        vocab_size=250_002, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
        intermediate_size=4096, max_position_embeddings=514, pad_token_id=1,
    ).save_pretrained(tmp_path / "encoder")  # fmt: skip
    transformers.MistralConfig(sliding_window=None).save_pretrained(tmp_path / "target")
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    row = {"query": "Where is it?", "document": "It is here."}
    row |= {f"negative_{k}": f"It is not here, {k}." for k in range(2, 8)} | {"negative": "No."}
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(row)}\n", encoding="utf-8")
    changes = [f"bridge.{role}.base={tmp_path / role}" for role in ("encoder", "target")]
    changes += [f"data.root={tmp_path}"]
    if stage == "lusifer-7b":
        changes += ["data.complete=[]", "data.reconstruct=[{files: [texts.txt]}]"]
    else:
        changes += ["base=null"]
    monkeypatch.setattr(pairs, "wait_for_all", lambda: None)  # nobody else is there
    monkeypatch.setenv("WORLD_SIZE", "8")
    found = plan(stage, changes)
    assert found["parameters"]["total"] > 7.6e9
    assert 15e9 < found["memory_bytes"] < 75e9
