"""Connectors: shapes, sizes, and added tokens that stand after the text, not after the padding."""

from __future__ import annotations

import torch
import transformers

from lusifer.models.bridge import BridgeConfig, Lora, Part
from lusifer.training.assemble import shape_plan
from lusifer.training.run import load_recipe
from tests.conftest import tiny_config


def test_lusifer_small_has_its_shapes() -> None:
    recipe = load_recipe("lusifer-small")
    with torch.device("meta"):
        encoder = transformers.BertModel(
            transformers.BertConfig(
                vocab_size=250037,
                hidden_size=384,
                num_hidden_layers=12,
                num_attention_heads=12,
                intermediate_size=1536,
            ),
            add_pooling_layer=False,
        )
        qwen = transformers.Qwen3Model(
            transformers.Qwen3Config(
                vocab_size=151669,
                hidden_size=1024,
                num_hidden_layers=28,
                num_attention_heads=16,
                num_key_value_heads=8,
                head_dim=128,
                intermediate_size=3072,
            )
        )
    plan = shape_plan(recipe.bridge, encoder, qwen, tokens=1, length=1)
    assert plan["parameters"]["connector"] == 384 * 384 + 384 + 384 * 1024 + 1024
    assert 5.9e8 < plan["parameters"]["target"] < 6.1e8


def test_lora_and_full_parts_count_what_they_train() -> None:
    encoder, target = (
        transformers.AutoModel.from_config(tiny_config(f)) for f in ("bert", "llama")
    )
    full = shape_plan(
        BridgeConfig(Part("a", "full"), Part("b"), max_tokens=64), encoder, target, 1, 1
    )["parameters"]
    assert full["trained"] == full["encoder"] + full["connector"]
    lora = shape_plan(
        BridgeConfig(Part("a", "lora", Lora(rank=2)), Part("b"), max_tokens=64),
        encoder,
        target,
        1,
        1,
    )["parameters"]
    assert full["connector"] < lora["trained"] < full["trained"]
