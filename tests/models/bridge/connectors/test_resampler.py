"""Learned queries: so many vectors whatever the length, of what is read and not of padding."""

from __future__ import annotations

import pytest
import torch

from lusifer.models.bridge.connectors import make_connector
from lusifer.models.bridge.connectors.resampler import ResamplerConfig


@pytest.mark.parametrize("tokens", [0, 2])
def test_any_length_becomes_as_many_vectors_as_there_are_queries(
    tokens: int, target: torch.nn.Module
) -> None:
    config = ResamplerConfig(queries=5, tokens=tokens)
    connector = make_connector(config, 24, 32, target).eval()
    for length in (1, 4, 60):
        out, mask = connector(
            torch.randn(3, length, 24), torch.ones(3, length, dtype=torch.long), target
        )
        assert out.shape == (3, 5 + tokens, 32)
        assert mask.tolist() == [[1] * (5 + tokens)] * 3
        assert config.positions(length) == 5 + tokens


def test_every_state_is_read_and_their_order_is_not(target: torch.nn.Module) -> None:
    torch.manual_seed(0)
    connector = make_connector(ResamplerConfig(queries=4), 24, 32, target).eval()
    states, mask = torch.randn(1, 6, 24), torch.ones(1, 6, dtype=torch.long)
    out = connector(states, mask, target)[0]
    turned = connector(states[:, [3, 1, 5, 0, 2, 4]], mask, target)[0]
    torch.testing.assert_close(turned, out, atol=1e-5, rtol=1e-4)
    for place in range(6):
        other = states.clone()
        other[0, place] = torch.randn(24)
        assert (connector(other, mask, target)[0] - out).abs().max() > 1e-4
        hidden = mask.clone()
        hidden[0, place] = 0
        torch.testing.assert_close(
            connector(other, hidden, target)[0], connector(states, hidden, target)[0]
        )


def test_each_query_learns(target: torch.nn.Module) -> None:
    connector = make_connector(ResamplerConfig(queries=4), 24, 32, target)
    out, _ = connector(torch.randn(2, 6, 24), torch.ones(2, 6, dtype=torch.long), target)
    out.pow(2).sum().backward()
    for name, parameter in connector.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert (connector.get_parameter("queries").grad.abs().sum(1) > 0).all()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("width", "heads", "due"), [(24, 8, 8), (24, 7, 6), (30, 16, 15), (7, 4, 1)]
)
def test_heads_that_do_not_divide_the_width_become_fewer(width: int, heads: int, due: int) -> None:
    connector = ResamplerConfig(heads=heads).untrained(width, 8)
    assert connector.get_submodule("attention").num_heads == due
