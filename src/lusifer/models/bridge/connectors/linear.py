"""One matrix from the encoder's states to the target's inputs.

Method: a linear map, started as a rotation where both widths are equal. Parameters: et. Not where
the encoder's states are no rotation of the target's inputs, which is the rule: `mlp` bends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lusifer.models.bridge.connectors.base import Connector, ConnectorConfig


@dataclass(frozen=True)
class LinearConfig(ConnectorConfig):
    """One matrix; it has no sizes of its own."""

    kind: Literal["linear"] = "linear"

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return Linear(width_in, width_out, self)


class Linear(Connector):
    """One matrix."""

    def __init__(self, width_in: int, width_out: int, config: LinearConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.linear = nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.linear(states), mask

    def start(self, scale: float) -> None:
        nn.init.orthogonal_(self.linear.weight, gain=scale)
        nn.init.zeros_(self.linear.bias)
