"""Translation ranking: its settings, and its batches as a function of the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from lusifer.data.tokens import pad
from lusifer.train.corpus import check_kinds
from lusifer.train.loop import Batch, Optim
from lusifer.train.pairs import PairStore, Sampler
from lusifer.train.vocabulary import BOS, EOS, PAD


@dataclass(frozen=True)
class Ranking:
    """A phase of translation ranking. `pooled_share` is the share of a row's tokens that a step pools over."""

    optim: Optim = field(default_factory=lambda: Optim(steps=3000, lr=5e-4))
    batch_tokens: int = 131_072
    max_rows: int = 4096
    temperature: float = 0.05
    margin: float = 0.1
    pooled_share: float = 0.5
    max_tokens: int = 64
    kinds: dict[str, float] = field(default_factory=lambda: {"parallel": 0.65, "lexicon": 0.35})

    def __post_init__(self) -> None:
        check_kinds(self.kinds, ("parallel", "lexicon", "retrieval"))


class RankingBatches:
    """Step → pairs of about equal length, with a number for each side's text, so that equal texts are not each other's negatives."""

    def __init__(self, phase: Ranking, stores: Mapping[str, PairStore], temperature: float, seed: int, *, framed: bool = True) -> None:
        self.stores, self.longest, self.framed = stores, phase.max_tokens, framed
        self.sampler = Sampler(stores, phase.kinds, temperature, phase.batch_tokens, phase.max_rows, seed + 1, 2 * phase.max_tokens)

    def __call__(self, step: int) -> Batch:
        return self.batch(step, *self.sampler(step))

    def batch(self, step: int, kind: str, rows: np.typing.NDArray[np.int64]) -> Batch:
        """The given rows of a store, padded, `<s> … </s>` around each text where `framed`."""
        store = self.stores[kind]
        batch: Batch = {"step": torch.tensor(step)}
        pairs = [store.pair(int(row)) for row in rows]
        same = (store.source[rows], store.text_hash[rows].astype(np.int64))
        for side, name in enumerate(("english", "text")):
            texts = [pair[side][: self.longest] for pair in pairs]
            if self.framed:
                texts = [np.concatenate([[BOS], text, [EOS]]).astype(np.uint32) for text in texts]
            ids, mask = pad(texts, PAD)
            batch |= {f"{name}_ids": torch.from_numpy(ids), f"{name}_mask": torch.from_numpy(mask)}
            batch[f"{name}_key"] = torch.from_numpy(same[side])
        return batch
