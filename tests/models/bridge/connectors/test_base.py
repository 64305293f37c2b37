"""What every connector does."""

from __future__ import annotations

import pytest
import torch

from lusifer.config import build, upgraded
from lusifer.errors import ConfigError
from lusifer.models.bridge.connectors import ConnectorConfig, make_connector, to_front
from lusifer.models.bridge.connectors.words import WordMixture


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
