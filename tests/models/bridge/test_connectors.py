"""Connectors: shapes, sizes, and added tokens that stand after the text, not after the padding."""

from __future__ import annotations

import pytest
import torch
import transformers

from lusifer.config import build, upgraded
from lusifer.errors import ConfigError, ModelError
from lusifer.models.bridge import BridgeConfig, Lora, Part
from lusifer.models.bridge.connectors import ConnectorConfig, make_connector, to_front
from lusifer.models.bridge.connectors.vocabulary import VocabularyConfig
from lusifer.models.bridge.connectors.words import SHARP, WordMixture, WordsConfig
from lusifer.training.assemble import shape_plan
from lusifer.training.run import load_recipe
from tests.conftest import tiny_config


@pytest.fixture
def target() -> torch.nn.Module:
    return transformers.AutoModel.from_config(tiny_config("llama"))


@pytest.mark.parametrize("kind", ["mlp", "linear", "vocabulary", "words", "resampler"])
@pytest.mark.parametrize("tokens", [0, 3])
def test_a_row_is_the_same_whatever_stands_beside_it(
    kind: str, tokens: int, target: torch.nn.Module
) -> None:
    torch.manual_seed(0)
    sizes = {"queries": 4} if kind == "resampler" else {}
    config = build(ConnectorConfig, {"kind": kind, "tokens": tokens, **sizes}, kind)
    connector = make_connector(config, 24, 32, target).eval()
    if isinstance(connector, WordMixture):
        connector.set_words(torch.randn(20, 24), list(range(20)), [1], [2, 3])
    states = torch.randn(1, 5, 24)
    alone, alone_mask = connector(states, torch.ones(1, 5, dtype=torch.long), target)
    padded = torch.cat([states, torch.randn(1, 4, 24)], 1)
    mask = torch.tensor([[1] * 5 + [0] * 4])
    out, out_mask = connector(padded, mask, target)
    length = int(alone_mask.sum())
    assert length == {"resampler": 4, "words": 5 + 3}.get(kind, 5) + tokens
    assert int(out_mask.sum()) == length
    assert out_mask[0, :length].all(), "real positions come first"
    torch.testing.assert_close(out[0, :length], alone[0, :length])
    if tokens:
        torch.testing.assert_close(out[0, length - tokens : length], connector.added.detach())  # type: ignore[union-attr]


def test_to_front_keeps_order_and_drops_padding_from_between() -> None:
    states, mask = to_front(
        torch.tensor([[9, 1, 9, 2, 3], [4, 5, 9, 9, 9]]),
        torch.tensor([[0, 1, 0, 1, 1], [1, 1, 0, 0, 0]]),
    )
    assert states[0, :3].tolist() == [1, 2, 3]
    assert states[1, :2].tolist() == [4, 5]
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]


def test_the_vocabulary_connector_gives_mixtures_of_the_targets_embeddings(
    target: torch.nn.Module,
) -> None:
    connector = make_connector(VocabularyConfig(temperature=1e-4), 24, 32, target)
    out, _ = connector(torch.randn(1, 3, 24), torch.ones(1, 3, dtype=torch.long), target)
    table = target.get_input_embeddings().weight
    nearest = torch.cdist(out[0].detach(), table.detach()).min(1).values
    assert float(nearest.max()) < 1e-3, "at a low temperature each state becomes one embedding"


def test_a_key_comes_in_and_goes_out_at_no_weight(target: torch.nn.Module) -> None:
    """So that which of two equally near keys is the last one counted changes nothing."""
    torch.manual_seed(0)
    connector = make_connector(WordsConfig(nearest=3), 24, 32, target).eval()
    assert isinstance(connector, WordMixture)
    state = torch.nn.functional.normalize(torch.randn(24), dim=-1)
    away = torch.nn.functional.normalize(torch.randn(6, 24), dim=-1)
    keys = torch.stack(
        [
            state + 0.2 * away[0],
            state + 0.4 * away[1],
            *(state + (0.9 + 1e-5 * sign) * away[2 + sign] for sign in (0, 1)),
        ]
    )
    results = []
    for order in ([0, 1, 2, 3], [0, 1, 3, 2]):  # the third and fourth key change places
        connector.set_words(keys, [order.index(i) + 5 for i in range(4)], [], [])
        results.append(connector(state[None, None], torch.ones(1, 1, dtype=torch.long), target)[0])
    torch.testing.assert_close(results[0], results[1], atol=2e-3, rtol=0)
    cosines = torch.nn.functional.normalize(keys, dim=-1) @ state
    gap = float((cosines[2] - cosines[3]).abs())
    assert gap < 0.1
    mixture = results[0].detach()[0, 0]
    table = target.get_input_embeddings().weight.detach()
    logits = (cosines / SHARP).sort(descending=True).values
    expected = (logits - logits[0]).exp()
    expected = expected[:3] - expected[3]
    order = cosines.argsort(descending=True)[:3]
    torch.testing.assert_close(
        mixture, (expected / expected.sum()) @ table[5 + order], atol=2e-3, rtol=2e-3
    )


def test_damaged_words_are_refused(target: torch.nn.Module) -> None:
    connector = make_connector(WordsConfig(), 24, 32, target)
    with pytest.raises(ModelError, match="one for each"):
        connector.make_room(
            {"keys": torch.zeros(3, 24), "ids": torch.zeros(2, dtype=torch.int32)}, target
        )
    with pytest.raises(ModelError, match="does not have"):
        connector.make_room(
            {"keys": torch.zeros(1, 24), "ids": torch.tensor([10**6], dtype=torch.int32)}, target
        )


def test_wrong_sizes_are_refused() -> None:
    for kind, key, value, told in (
        ("words", "temperature", 2.0, "unknown key 'temperature'"),
        ("mlp", "queries", 4, "unknown key 'queries'; the keys are kind, tokens, residual"),
        ("words", "nearest", 0, "connector.nearest must be 1 or more"),
        ("mlp", "tokens", -1, "connector.tokens must be 0 or more"),
        ("vocabulary", "temperature", 0, "connector.temperature must be above 0"),
        ("resampler", "queries", 0, "connector.queries and connector.heads"),
    ):
        with pytest.raises(ConfigError, match=told):
            build(ConnectorConfig, {"kind": kind, key: value}, "connector")


@pytest.mark.parametrize("kind", ["mlp", "linear", "vocabulary", "words", "resampler"])
def test_the_flat_settings_of_before_are_read(kind: str) -> None:
    flat = {"tokens": 1, "queries": 16, "heads": 8, "temperature": 1.0, "nearest": 10}
    old = {"bridge": {"connector": {"kind": kind, **flat, "residual": True}}}
    config = build(ConnectorConfig, upgraded(old)["bridge"]["connector"], kind)
    assert (config.kind, config.tokens, config.residual) == (kind, 1, True)


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
    plan = shape_plan(recipe.bridge, encoder, mistral, tokens=256 * 512)
    one_token = 4096
    assert plan["parameters"]["connector"] == 1024 * 1024 + 1024 + 1024 * 4096 + 4096 + one_token
    assert round((plan["parameters"]["connector"] - one_token) / 1e6, 2) == 5.25
    assert 7.0e9 < plan["parameters"]["target"] < 7.3e9
    assert 5.5e8 < plan["parameters"]["encoder"] < 5.8e8
    assert plan["parameters"]["trained"] < 0.02 * plan["parameters"]["total"]


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
    plan = shape_plan(recipe.bridge, encoder, qwen, tokens=1)
    assert plan["parameters"]["connector"] == 384 * 384 + 384 + 384 * 1024 + 1024
    assert 5.9e8 < plan["parameters"]["target"] < 6.1e8


def test_lora_and_full_parts_count_what_they_train() -> None:
    encoder, target = (
        transformers.AutoModel.from_config(tiny_config(f)) for f in ("bert", "llama")
    )
    full = shape_plan(
        BridgeConfig(Part("a", "full"), Part("b"), max_tokens=64), encoder, target, 1
    )["parameters"]
    assert full["trained"] == full["encoder"] + full["connector"]
    lora = shape_plan(
        BridgeConfig(Part("a", "lora", Lora(rank=2)), Part("b"), max_tokens=64), encoder, target, 1
    )["parameters"]
    assert full["connector"] < lora["trained"] < full["trained"]
