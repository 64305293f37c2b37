"""The paper's connector."""

from __future__ import annotations

import torch
import transformers

from lusifer.training.assemble import shape_plan
from lusifer.training.run import load_recipe


def test_the_papers_model_has_the_papers_sizes() -> None:
    """Shapes of `lusifer-7b` without weights: the connector counts 5.25 M parameters."""
    recipe = load_recipe("lusifer-7b")
    with torch.device("meta"):
        encoder = transformers.XLMRobertaModel(
            transformers.XLMRobertaConfig(
                vocab_size=250002,
                hidden_size=1024,
                num_hidden_layers=24,
                num_attention_heads=16,
                intermediate_size=4096,
                max_position_embeddings=514,
            ),
            add_pooling_layer=False,
        )
        mistral = transformers.MistralModel(
            transformers.MistralConfig(vocab_size=32768, sliding_window=None)
        )
    plan = shape_plan(recipe.bridge, encoder, mistral, tokens=256 * 512, length=512)
    one_token = 4096
    assert plan["parameters"]["connector"] == 1024 * 1024 + 1024 + 1024 * 4096 + 4096 + one_token
    assert round((plan["parameters"]["connector"] - one_token) / 1e6, 2) == 5.25
    assert 7.0e9 < plan["parameters"]["target"] < 7.3e9
    assert 5.5e8 < plan["parameters"]["encoder"] < 5.8e8
    assert plan["parameters"]["trained"] < 0.02 * plan["parameters"]["total"]
