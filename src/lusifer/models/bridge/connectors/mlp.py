"""Two layers from the encoder's states to the target's inputs.

Method: Linear(e→e)-ReLU-Linear(e→t), LUSIFER's own (arXiv 2501.00874, section 3.1). Parameters: e² + et.
Not for a target whose inputs lie on a narrow shell that few steps will not find: `vocabulary` or
`words` begin there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lusifer.models.bridge.connectors.base import Connector, ConnectorConfig


@dataclass(frozen=True)
class MLPConfig(ConnectorConfig):
    """The paper's connector; it has no sizes of its own."""

    kind: Literal["mlp"] = "mlp"

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return MLP(width_in, width_out, self)


class MLP(Connector):
    """The paper's."""

    def __init__(self, width_in: int, width_out: int, config: MLPConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.first, self.second = nn.Linear(width_in, width_in), nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.second(torch.relu(self.first(states))), mask

    def start(self, scale: float) -> None:
        nn.init.normal_(self.first.weight, std=(2 / self.first.in_features) ** 0.5)
        nn.init.normal_(self.second.weight, std=scale / self.second.in_features**0.5)
        for layer in (self.first, self.second):
            nn.init.zeros_(layer.bias)
