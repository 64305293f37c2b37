"""Each state becomes a mixture of the target's own token embeddings.

Method: softmax over the target's vocabulary at `temperature`, times its embedding table: inputs that
the target has seen. Parameters: et; cost: n · vocabulary · t. Not for a target of 100,000 pieces and
more, where that product is dearer than the target's layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lusifer.models.bridge.connectors.base import Connector, ConnectorConfig
from lusifer.models.families import embeddings


@dataclass(frozen=True)
class VocabularyConfig(ConnectorConfig):
    """`temperature` of the softmax."""

    kind: Literal["vocabulary"] = "vocabulary"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0:
            raise ValueError("connector.temperature must be above 0")

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return VocabularyMixture(width_in, width_out, self)


class VocabularyMixture(Connector):
    """A mixture of the target's own token embeddings."""

    def __init__(self, width_in: int, width_out: int, config: VocabularyConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.temperature = config.temperature
        self.query = nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        table, scale = embeddings(target)
        weights = (
            (self.query(states).to(table.dtype) @ table.T / self.temperature).float().softmax(-1)
        )
        return (weights.to(table.dtype) @ table) * scale, mask

    def start(self, scale: float) -> None:
        nn.init.normal_(self.query.weight, std=1 / self.query.in_features**0.5)
        nn.init.zeros_(self.query.bias)
