"""Connectors: from the encoder's token states to the target's input embeddings.

| kind | what | parameters |
|---|---|---|
| `mlp` | Linear(e→e)-ReLU-Linear(e→t), the paper's (arXiv 2501.00874, section 3.1) | e² + et |
| `linear` | one matrix, started as a rotation where e = t | et |
| `vocabulary` | softmax over the target's vocabulary, times its embedding table: inputs the target
has seen | et |
| `words` | each *word* becomes a mixture of the English words whose own states lie nearest: keys,
not learned | e² + e² + et |
| `resampler` | k learned queries attend to the states (Perceiver, arXiv 2103.03206): k vectors,
whatever the length | ~8e² |

`tokens` > 0 appends that many trained vectors directly after the last real one, never after padding
(a vector must not depend on its batch). Each takes states (n, length, e) and a mask (n, length),
gives states (n, length', t) and a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lusifer.errors import ModelError
from lusifer.models.families import embeddings

Kind = Literal["mlp", "linear", "vocabulary", "words", "resampler"]


@dataclass(frozen=True)
class ConnectorConfig:
    """Which connector, and its sizes."""

    kind: Kind = "mlp"
    tokens: int = 0
    queries: int = 16
    heads: int = 8
    temperature: float = 1.0
    nearest: int = 10
    residual: bool = False

    def __post_init__(self) -> None:
        if self.nearest < 1:
            raise ValueError("connector.nearest must be 1 or more")
        if self.tokens < 0 or self.queries < 1:
            raise ValueError("connector.tokens must be 0 or more and connector.queries 1 or more")
        if self.temperature <= 0:
            raise ValueError("connector.temperature must be above 0")
        if self.kind == "words" and self.temperature != 1:
            raise ValueError(
                "connector.temperature is the connector vocabulary's; words learns its own"
            )


NOT_YET, TINY = torch.empty(0), 1e-6
# the temperature that `words` starts at: 0.05 keeps English a little less near, 0.01 no nearer
SHARP = 0.025


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

    def make_room(self, tensors: Mapping[str, torch.Tensor], target: Any) -> None:
        """Take the sizes of a checkpoint's tensors where they are not the configuration's to say.
        Raises ModelError.
        """

    def start(self, scale: float) -> None:
        """Initialise so that unit-variance states come out with root mean square `scale`, as the
        target's own inputs do.
        """


class MLP(Connector):
    """The paper's."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
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


class Linear(Connector):
    """One matrix."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.linear = nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.linear(states), mask

    def start(self, scale: float) -> None:
        nn.init.orthogonal_(self.linear.weight, gain=scale)
        nn.init.zeros_(self.linear.bias)


class VocabularyMixture(Connector):
    """A mixture of the target's own token embeddings."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.query = nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        table, scale = embeddings(target)
        weights = (
            (self.query(states).to(table.dtype) @ table.T / self.config.temperature)
            .float()
            .softmax(-1)
        )
        return (weights.to(table.dtype) @ table) * scale, mask

    def start(self, scale: float) -> None:
        nn.init.normal_(self.query.weight, std=1 / self.query.in_features**0.5)
        nn.init.zeros_(self.query.bias)


class WordMixture(Connector):
    """Words in, the target's own words out: weights over the `nearest` keys by cosine, plus a
    correction that starts at 0.

    Method: WECHSEL and FOCUS (arXiv 2112.06598, 2305.14481) start a new vocabulary's embeddings as
    mixtures of the old one's by similarity in an aligned space; here that is done for each word as
    it comes, and what learns is where to look. Key i is the encoder's state of the target's word i
    (`models/bridge/words.py`), so an English word finds itself before any training. Weights are exp(cosine
    / temperature) less that of the first key left out, so that a key comes in and goes out at 0: a
    cosine that is rounded otherwise in another batch changes nothing. Cost: n · keys · e for the
    search, about what a small target costs. Not for an encoder whose words are not aligned.
    """

    keys: torch.Tensor
    ids: torch.Tensor
    before: torch.Tensor
    behind: torch.Tensor

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.query = nn.Linear(width_in, width_in)
        self.first, self.second = nn.Linear(width_in, width_in), nn.Linear(width_in, width_out)
        self._searched = NOT_YET
        self.sharpness = nn.Parameter(torch.tensor(1 / SHARP).log())
        self.register_buffer("keys", torch.zeros(0, width_in, dtype=torch.float16))
        for name in ("ids", "before", "behind"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.int32))

    def set_words(
        self, keys: torch.Tensor, ids: list[int], before: list[int], behind: list[int]
    ) -> None:
        """What the words look like, (n, e), which tokens of the target they are, and the tokens
        that frame a text.
        """
        self.keys = nn.functional.normalize(keys.float(), dim=-1).half()
        self.ids, self.before, self.behind = (
            torch.tensor(values, dtype=torch.int32) for values in (ids, before, behind)
        )
        self._searched = NOT_YET

    def make_room(self, tensors: Mapping[str, torch.Tensor], target: Any) -> None:
        for name in ("keys", "ids", "before", "behind"):
            if name in tensors and tensors[name].ndim == getattr(self, name).ndim:
                shape = (len(tensors[name]), *getattr(self, name).shape[1:])
                setattr(self, name, getattr(self, name).new_zeros(shape))
                if (
                    name != "keys"
                    and len(tensors[name])
                    and not 0
                    <= int(tensors[name].min())
                    <= int(tensors[name].max())
                    < len(embeddings(target)[0])
                ):
                    raise ModelError(f"connector.{name} names tokens that the target does not have")
        if len(self.keys) != len(self.ids):
            raise ModelError(
                f"connector.keys are {len(self.keys)} and connector.ids {len(self.ids)}; there must be one for each"
            )
        self._searched = NOT_YET

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self._searched = NOT_YET
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        table, scale = embeddings(target)
        real = states[mask.bool()]
        query = nn.functional.normalize(self.query(real).float(), dim=-1)
        with torch.no_grad():
            found = (
                torch.cat([self._nearest(part) for part in torch.split(query, 1024)])
                if len(query)
                else self.ids.new_zeros(0, 1).long()
            )
        with torch.autocast(query.device.type, enabled=False):
            logits = (
                torch.bmm(self.keys[found].float(), query.unsqueeze(-1)).squeeze(-1)
                * self.sharpness.exp()
            )
            weights = (logits - logits.detach().amax(-1, keepdim=True)).exp()
            if found.shape[-1] > self.config.nearest:  # the last is the first left out
                found, weights = (
                    found[:, :-1],
                    (weights[:, :-1] - weights[:, -1:]).clamp_min(0) + TINY * weights[:, :-1],
                )
            weights = weights / weights.sum(-1, keepdim=True)
            mixed = (
                torch.bmm(weights.unsqueeze(1), table[self.ids[found].long()].float()).squeeze(1)
                * scale
            )
        mixed = mixed + self.second(torch.relu(self.first(real))).float()
        out = mixed.new_zeros(*mask.shape, mixed.shape[-1])
        out[mask.bool()] = mixed
        n = len(mask)
        before, behind = (
            (table[part.long()].float() * scale).expand(n, -1, -1)
            for part in (self.before, self.behind)
        )
        ones = [mask.new_ones(n, len(part)) for part in (self.before, self.behind)]
        return to_front(torch.cat([before, out, behind], 1), torch.cat([ones[0], mask, ones[1]], 1))

    def _nearest(self, query: torch.Tensor) -> torch.Tensor:
        """The keys nearest to each query and the next one, (n, nearest + 1), nearest first; kept in
        the type of the search.
        """
        kind = self.keys.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        if self._searched.dtype != dtype or not len(self._searched):
            self._searched = self.keys.to(dtype).T.contiguous()
        return (
            (query.to(dtype) @ self._searched)
            .topk(min(self.config.nearest + 1, len(self.keys)))
            .indices
        )

    def start(self, scale: float) -> None:
        nn.init.eye_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        nn.init.normal_(self.first.weight, std=(2 / self.first.in_features) ** 0.5)
        nn.init.zeros_(self.first.bias)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)


class Resampler(Connector):
    """k learned queries over the states: a shorter input for an expensive target."""

    def __init__(self, width_in: int, width_out: int, config: ConnectorConfig) -> None:
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


CONNECTORS: dict[str, type[Connector]] = {
    "mlp": MLP,
    "linear": Linear,
    "vocabulary": VocabularyMixture,
    "words": WordMixture,
    "resampler": Resampler,
}


def make_connector(
    config: ConnectorConfig, width_in: int, width_out: int, target: Any
) -> Connector:
    """A connector, started at the scale of the target's own input embeddings."""
    connector = CONNECTORS[config.kind](width_in, width_out, config)
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


def _divisor(width: int, wanted: int) -> int:
    return next(h for h in range(min(wanted, width), 0, -1) if width % h == 0)
