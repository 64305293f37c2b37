"""Connectors: from the encoder's token states to the target's input embeddings.

| kind | what | parameters |
|---|---|---|
| `mlp` | Linear(e→e)-ReLU-Linear(e→t), the paper's (arXiv 2501.00874, section 3.1) | e² + et |
| `linear` | one matrix, started as a rotation where e = t | et |
| `vocabulary` | softmax over the target's vocabulary, times its embedding table: inputs the target has seen | et |
| `resampler` | k learned queries attend to the states (Perceiver, arXiv 2103.03206): k vectors, whatever the length | ~8e² |

`tokens` > 0 appends that many trained vectors directly after the last real one, never after padding (a vector must
not depend on its batch). Each takes states (n, length, e) and a mask (n, length), gives states (n, length', t) and a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lusifer.models.families import embeddings

Kind = Literal["mlp", "linear", "vocabulary", "resampler"]


@dataclass(frozen=True)
class ConnectorConfig:
    """Which connector, and its sizes."""

    kind: Kind = "mlp"
    tokens: int = 0
    queries: int = 16
    heads: int = 8
    temperature: float = 1.0
    residual: bool = False

    def __post_init__(self) -> None:
        if self.tokens < 0 or self.queries < 1:
            raise ValueError("connector.tokens must be 0 or more and connector.queries 1 or more")
        if self.temperature <= 0:
            raise ValueError("connector.temperature must be above 0")


class Connector(nn.Module):
    """Base: the map, then the added tokens."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__()
        self.config = config
        self.added = nn.Parameter(torch.zeros(config.tokens, width_out)) if config.tokens else None

    def forward(self, states: torch.Tensor, mask: torch.Tensor, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
        states, mask = self.map(states, mask, target)
        if self.added is None:
            return states, mask
        n = len(states)
        states = torch.cat([states, self.added.to(states.dtype).expand(n, -1, -1)], 1)
        return to_front(states, torch.cat([mask, mask.new_ones(n, len(self.added))], 1))

    def map(self, states: torch.Tensor, mask: torch.Tensor, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """The states mapped, and their mask."""
        raise TypeError(f"{type(self).__name__} must say how it maps")

    def start(self, scale: float) -> None:
        """Initialise so that unit-variance states come out with root mean square `scale`, as the target's own inputs do."""


class MLP(Connector):
    """The paper's."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.first, self.second = nn.Linear(width_in, width_in), nn.Linear(width_in, width_out)

    def map(self, states: torch.Tensor, mask: torch.Tensor, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return self.second(torch.relu(self.first(states))), mask

    def start(self, scale: float) -> None:
        nn.init.normal_(self.first.weight, std=(2 / self.first.in_features) ** 0.5)
        nn.init.normal_(self.second.weight, std=scale / self.second.in_features**0.5)
        for layer in (self.first, self.second):
            nn.init.zeros_(layer.bias)


class Linear(Connector):
    """One matrix."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.linear = nn.Linear(width_in, width_out)

    def map(self, states: torch.Tensor, mask: torch.Tensor, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return self.linear(states), mask

    def start(self, scale: float) -> None:
        nn.init.orthogonal_(self.linear.weight, gain=scale)
        nn.init.zeros_(self.linear.bias)


class VocabularyMixture(Connector):
    """A mixture of the target's own token embeddings."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.query = nn.Linear(width_in, width_out)

    def map(self, states: torch.Tensor, mask: torch.Tensor, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
        table, scale = embeddings(target)
        weights = (self.query(states).to(table.dtype) @ table.T / self.config.temperature).float().softmax(-1)
        return (weights.to(table.dtype) @ table) * scale, mask

    def start(self, scale: float) -> None:
        nn.init.normal_(self.query.weight, std=1 / self.query.in_features**0.5)
        nn.init.zeros_(self.query.bias)


class Resampler(Connector):
    """k learned queries over the states: a shorter input for an expensive target."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.queries = nn.Parameter(torch.empty(config.queries, width_in))
        self.before, self.between = nn.LayerNorm(width_in), nn.LayerNorm(width_in)
        self.attention = nn.MultiheadAttention(width_in, _divisor(width_in, config.heads), batch_first=True)
        self.wide, self.narrow = nn.Linear(width_in, 2 * width_in), nn.Linear(2 * width_in, width_in)
        self.out = nn.Linear(width_in, width_out)

    def map(self, states: torch.Tensor, mask: torch.Tensor, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
        states = self.before(states)
        queries = self.queries.to(states.dtype).expand(len(states), -1, -1)
        read, _ = self.attention(queries, states, states, key_padding_mask=mask == 0, need_weights=False)
        mixed = queries + read
        mixed = mixed + self.narrow(torch.relu(self.wide(self.between(mixed))))
        return self.out(mixed), mask.new_ones(mixed.shape[:2])

    def start(self, scale: float) -> None:
        nn.init.normal_(self.queries)
        nn.init.normal_(self.out.weight, std=scale / self.out.in_features**0.5)
        nn.init.zeros_(self.out.bias)


CONNECTORS: dict[str, type[Connector]] = {"mlp": MLP, "linear": Linear, "vocabulary": VocabularyMixture, "resampler": Resampler}


def make_connector(config: ConnectorConfig, width_in: int, width_out: int, target: Any) -> Connector:
    """A connector, started at the scale of the target's own input embeddings."""
    connector = CONNECTORS[config.kind](width_in, width_out, config)
    table, factor = embeddings(target)
    scale = float(table[: 1 << 15].detach().float().pow(2).mean().sqrt()) * factor if not table.is_meta else 0.02
    connector.start(scale)
    if connector.added is not None:
        nn.init.normal_(connector.added, std=scale)
    return connector


def to_front(states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move each row's real positions to the front, in order; padding, wherever it stood, goes to the end.

    After this, a row's real part is the same whatever padded it: what makes a vector depend on its text alone.
    """
    order = torch.argsort(1 - mask.long(), dim=1, stable=True)
    index = order if states.ndim == 2 else order.unsqueeze(-1).expand(-1, -1, states.shape[-1])
    return states.gather(1, index), mask.gather(1, order)


def _divisor(width: int, wanted: int) -> int:
    return next(h for h in range(min(wanted, width), 0, -1) if width % h == 0)
