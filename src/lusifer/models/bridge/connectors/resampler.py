"""k learned queries over the states: a shorter input for an expensive target.

Method: cross-attention of `queries` learned vectors to the states (Perceiver, arXiv 2103.03206): k
vectors, whatever the length. Parameters: about 8e². Not where the target is small, whose pass costs
little, or where every word of a long text must be found again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lusifer.models.bridge.connectors.base import Connector, ConnectorConfig


@dataclass(frozen=True)
class ResamplerConfig(ConnectorConfig):
    """`queries` vectors go to the target, each of `heads` attention heads."""

    kind: Literal["resampler"] = "resampler"
    queries: int = 16
    heads: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.queries < 1 or self.heads < 1:
            raise ValueError("connector.queries and connector.heads must be 1 or more")

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return Resampler(width_in, width_out, self)

    def positions(self, max_tokens: int) -> int:
        return self.queries + self.tokens


class Resampler(Connector):
    """k learned queries over the states: a shorter input for an expensive target."""

    def __init__(self, width_in: int, width_out: int, config: ResamplerConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.queries = nn.Parameter(torch.empty(config.queries, width_in))
        self.before, self.between = nn.LayerNorm(width_in), nn.LayerNorm(width_in)
        self.attention = nn.MultiheadAttention(
            width_in, _divisor(width_in, config.heads), batch_first=True
        )
        self.wide, self.narrow = (
            nn.Linear(width_in, 2 * width_in),
            nn.Linear(2 * width_in, width_in),
        )
        self.out = nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        states = self.before(states)
        queries = self.queries.to(states.dtype).expand(len(states), -1, -1)
        read, _ = self.attention(
            queries, states, states, key_padding_mask=mask == 0, need_weights=False
        )
        mixed = queries + read
        mixed = mixed + self.narrow(torch.relu(self.wide(self.between(mixed))))
        return self.out(mixed), mask.new_ones(mixed.shape[:2])

    def start(self, scale: float) -> None:
        nn.init.normal_(self.queries)
        nn.init.normal_(self.out.weight, std=scale / self.out.in_features**0.5)
        nn.init.zeros_(self.out.bias)


def _divisor(width: int, wanted: int) -> int:
    return next(h for h in range(min(wanted, width), 0, -1) if width % h == 0)
