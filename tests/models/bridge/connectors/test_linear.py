"""One matrix: affine, a rotation at the start, at the scale of the target's own inputs."""

from __future__ import annotations

import pytest
import torch

from lusifer.models.bridge.connectors import make_connector
from lusifer.models.bridge.connectors.linear import LinearConfig
from lusifer.models.families import embeddings


@pytest.mark.parametrize("widths", [(32, 32), (24, 32), (32, 24)])
def test_it_starts_as_a_rotation_at_the_scale_that_is_asked_for(widths: tuple[int, int]) -> None:
    torch.manual_seed(0)
    connector = LinearConfig().untrained(*widths)
    connector.start(0.3)
    states, mask = torch.randn(2, 5, widths[0]), torch.ones(2, 5, dtype=torch.long)
    out, kept = connector(states, mask, None)
    assert torch.equal(kept, mask)
    assert out.shape == (2, 5, widths[1])
    if widths[0] <= widths[1]:  # nothing is lost: lengths and angles stay
        torch.testing.assert_close(out @ out.mT, 0.09 * states @ states.mT, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(connector(0 * states, mask, None)[0], 0 * out)


def test_it_is_affine_and_token_by_token(target: torch.nn.Module) -> None:
    connector = make_connector(LinearConfig(), 24, 32, target)
    with torch.no_grad():
        for parameter in connector.parameters():
            parameter.normal_()
    a, b = torch.randn(2, 1, 4, 24)
    mask = torch.ones(1, 4, dtype=torch.long)
    mixed = connector(0.25 * a + 0.75 * b, mask, target)[0]
    apart = 0.25 * connector(a, mask, target)[0] + 0.75 * connector(b, mask, target)[0]
    torch.testing.assert_close(mixed, apart, atol=1e-5, rtol=1e-4)
    order = [2, 0, 3, 1]
    torch.testing.assert_close(
        connector(a[:, order], mask, target)[0], connector(a, mask, target)[0][:, order]
    )
    assert sum(parameter.numel() for parameter in connector.parameters()) == 24 * 32 + 32


def test_it_begins_at_the_scale_of_the_target_s_embeddings(target: torch.nn.Module) -> None:
    torch.manual_seed(0)
    connector = make_connector(LinearConfig(), 32, 32, target)
    out = connector(torch.randn(8, 16, 32), torch.ones(8, 16, dtype=torch.long), target)[0]
    table = embeddings(target)[0].detach()
    assert float(out.detach().pow(2).mean().sqrt()) == pytest.approx(
        float(table.pow(2).mean().sqrt()), rel=0.1
    )


def test_it_reads_as_many_positions_as_there_are_tokens() -> None:
    assert LinearConfig().positions(100) == 100
    assert LinearConfig(tokens=3).positions(100) == 103
