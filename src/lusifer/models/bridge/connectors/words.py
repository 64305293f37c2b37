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

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from lusifer.errors import ModelError
from lusifer.models.bridge.connectors.base import Connector, ConnectorConfig, to_front
from lusifer.models.bridge.words import frame, whole_words
from lusifer.models.families import embeddings

BATCH = 512  # words that the encoder reads at a time
NOT_YET, TINY = torch.empty(0), 1e-6
# the temperature that training starts at: 0.05 keeps English a little less near, 0.01 no nearer
SHARP = 0.025


@dataclass(frozen=True)
class WordsConfig(ConnectorConfig):
    """How many of the `nearest` keys a word is mixed of."""

    words: ClassVar[bool] = True
    kind: Literal["words"] = "words"
    nearest: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nearest < 1:
            raise ValueError("connector.nearest must be 1 or more")

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return WordMixture(width_in, width_out, self)


class WordMixture(Connector):
    """Keys, not learned, and where to look among them, which is."""

    keys: torch.Tensor
    ids: torch.Tensor
    before: torch.Tensor
    behind: torch.Tensor

    def __init__(self, width_in: int, width_out: int, config: WordsConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.nearest = config.nearest
        self.query = nn.Linear(width_in, width_in)
        self.first, self.second = nn.Linear(width_in, width_in), nn.Linear(width_in, width_out)
        self._searched = NOT_YET
        self.sharpness = nn.Parameter(torch.tensor(1 / SHARP).log())
        self.register_buffer("keys", torch.zeros(0, width_in, dtype=torch.float16))
        for name in ("ids", "before", "behind"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.int32))

    def prepare(
        self, state_of: Callable[[Sequence[str]], torch.Tensor], target_tokenizer: Callable[[], Any]
    ) -> None:
        tokenizer = target_tokenizer()
        tokens, texts = zip(*whole_words(tokenizer), strict=True)
        keys = [state_of(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        self.set_words(torch.cat(keys), list(tokens), *frame(tokenizer))

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
            if found.shape[-1] > self.nearest:  # the last is the first left out
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
            (query.to(dtype) @ self._searched).topk(min(self.nearest + 1, len(self.keys))).indices
        )

    def start(self, scale: float) -> None:
        nn.init.eye_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        nn.init.normal_(self.first.weight, std=(2 / self.first.in_features) ** 0.5)
        nn.init.zeros_(self.first.bias)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)
