"""What every connector is: a map of token states, then the trained vectors that it appends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from lusifer.config import Choice
from lusifer.models.families import embeddings


@dataclass(frozen=True)
class ConnectorConfig(Choice):
    """A connector and its sizes; each kind adds its own.

    `tokens` appends that many trained vectors directly after the last real state. `residual` adds a
    linear map of the encoder's mean state to the pooled vector.
    """

    words: ClassVar[bool] = False  # whether it reads states of words, not of tokens

    tokens: int = 0
    residual: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tokens < 0:
            raise ValueError("connector.tokens must be 0 or more")

    @abstractmethod
    def untrained(self, width_in: int, width_out: int) -> Connector:
        """A connector from states of the encoder's width to those of the target's."""
        raise TypeError(f"{type(self).__name__} must say what it makes")

    def positions(self, max_tokens: int) -> int:
        """How many positions the target reads, at most, of a text of `max_tokens`."""
        return max_tokens + self.tokens


class Connector(nn.Module):
    """Base: the map, then the added tokens."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__()
        self.config = config
        self.added = nn.Parameter(torch.zeros(config.tokens, width_out)) if config.tokens else None

    def forward(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        states, mask = self.map(states, mask, target)
        if self.added is None:
            return states, mask
        n = len(states)
        states = torch.cat([states, self.added.to(states.dtype).expand(n, -1, -1)], 1)
        return to_front(states, torch.cat([mask, mask.new_ones(n, len(self.added))], 1))

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The states mapped, and their mask."""
        raise TypeError(f"{type(self).__name__} must say how it maps")

    def prepare(
        self, state_of: Callable[[Sequence[str]], torch.Tensor], target_tokenizer: Callable[[], Any]
    ) -> None:
        """Take what a new bridge's models give it: `state_of` gives the encoder's mean states
        (n, e) of texts, `target_tokenizer` the target's tokenizer.
        """

    def make_room(self, tensors: Mapping[str, torch.Tensor], target: Any) -> None:
        """Take the sizes of a checkpoint's tensors where they are not the configuration's to say.
        Raises ModelError.
        """

    def start(self, scale: float) -> None:
        """Initialise so that unit-variance states come out with root mean square `scale`, as the
        target's own inputs do.
        """


def make_connector(
    config: ConnectorConfig, width_in: int, width_out: int, target: Any
) -> Connector:
    """A connector, started at the scale of the target's own input embeddings.

    Args:
        config: which one.
        width_in: numbers of an encoder's state.
        width_out: numbers of a target's state.
        target: the English model.

    Returns:
        The connector, untrained.
    """
    connector = config.untrained(width_in, width_out)
    table, factor = embeddings(target)
    scale = (
        float(table[: 1 << 15].detach().float().pow(2).mean().sqrt()) * factor
        if not table.is_meta
        else 0.02
    )
    connector.start(scale)
    if connector.added is not None:
        nn.init.normal_(connector.added, std=scale)
    return connector


def to_front(states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move each row's real positions to the front, in order; padding, wherever it stood, goes to
    the end.

    After this, a row's real part is the same whatever padded it: what makes a vector depend on its
    text alone.
    """
    order = torch.argsort(1 - mask.long(), dim=1, stable=True)
    index = order if states.ndim == 2 else order.unsqueeze(-1).expand(-1, -1, states.shape[-1])
    return states.gather(1, index), mask.gather(1, order)
