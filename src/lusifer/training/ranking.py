"""Translation ranking: its settings, and its batches as a function of the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch

from lusifer.data import pad
from lusifer.training.corpus import check_kinds
from lusifer.training.losses.margin import own_rows
from lusifer.training.optim import Optim
from lusifer.training.pair_store import EVEN, Ints, PairStore, Sampler
from lusifer.training.processes import Batch, rank_and_world
from lusifer.training.vocabulary import BOS, EOS, PAD

RANKED = ("parallel", "lexicon", "retrieval")


@dataclass(frozen=True)
class Ranking:
    """A phase of translation ranking. `pooled_share` is the share of a row's tokens that a step
    pools over.

    `bundle`: up to so many lexicon pairs of a language are put together to one pair, as long as a
    phrase. A word by itself says nothing of its weight among others.
    """

    optim: Optim = field(default_factory=lambda: Optim(steps=3000, lr=5e-4))
    batch_tokens: int = 131_072
    max_rows: int = 4096
    temperature: float = 0.05
    margin: float = 0.1
    pooled_share: float = 0.5
    max_tokens: int = 64
    bundle: int = 1
    kinds: dict[str, float] = field(default_factory=lambda: {"parallel": 0.65, "lexicon": 0.35})

    def __post_init__(self) -> None:
        check_kinds(self.kinds, RANKED)
        if self.bundle < 1:
            raise ValueError(
                f"bundle is {self.bundle}; it is how many lexicon pairs may make one, 1 or more"
            )


def sampled_tokens(mask: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """(rows, length) mask → the mask of a random share of each row's tokens, at least one; the same
    on one process as on several.
    """
    drawn = torch.rand((len(mask) * rank_and_world()[1], mask.shape[1]), generator=generator)[
        own_rows(mask.cpu())
    ]
    some = (drawn < share).to(mask.device) * mask
    return torch.where(some.sum(1, keepdim=True) > 0, some, mask)


class RankingBatches:
    """Step → pairs of about equal length, with a number for each side's text, so that equal texts
    are not each other's negatives.
    """

    def __init__(
        self,
        phase: Ranking,
        stores: Mapping[str, PairStore],
        temperature: float,
        seed: int,
        *,
        framed: bool = True,
    ) -> None:
        self.stores, self.longest, self.framed, self.seed = stores, phase.max_tokens, framed, seed
        self.bundle, self.max_rows = phase.bundle, phase.max_rows
        draws = {"lexicon": 1 + phase.bundle // 2}
        self.sampler = Sampler(
            stores,
            phase.kinds,
            temperature,
            phase.batch_tokens,
            phase.max_rows,
            seed + 1,
            2 * phase.max_tokens,
            draws,
        )

    def __call__(self, step: int) -> Batch:
        return self.batch(step, *self.sampler(step))

    def batch(self, step: int, kind: str, rows: Ints) -> Batch:
        """The given rows of a store, padded, `<s> … </s>` around each text where `framed`."""
        store = self.stores[kind]
        rows, starts = self.bundles(step, kind, rows)
        batch: Batch = {"step": torch.tensor(step)}
        pairs = [store.pair(int(row)) for row in rows]
        same = (store.source[rows], store.text_hash[rows].astype(np.int64))
        for side, name in enumerate(("english", "text")):
            texts = [pair[side] for pair in pairs]
            if len(starts) < len(rows):
                texts = [np.concatenate(texts[a:b]) for a, b in pairwise([*starts, len(rows)])]
            texts = [text[: self.longest] for text in texts]
            if self.framed:
                texts = [np.concatenate([[BOS], text, [EOS]]).astype(np.uint32) for text in texts]
            ids, mask = pad(texts, PAD)
            batch |= {f"{name}_ids": torch.from_numpy(ids), f"{name}_mask": torch.from_numpy(mask)}
            batch[f"{name}_key"] = torch.from_numpy(
                np.add.reduceat(mixed(same[side]), starts)
            )  # equal for equal bundles
        return batch

    def bundles(self, step: int, kind: str, rows: Ints) -> tuple[Ints, Ints]:
        """(rows, where each pair of the batch starts among them): one row each, or 1 to `bundle`
        rows of one language.
        """
        if kind != "lexicon" or self.bundle == 1:
            return rows, np.arange(len(rows))
        rng = np.random.default_rng([self.seed, 3, step])
        rows = rng.permutation(rows)
        language = self.stores[kind].language[rows]
        order = np.argsort(language, kind="stable")
        rows, language = rows[order], language[order]
        first = np.zeros(len(rows), dtype=bool)
        first[np.cumsum(rng.integers(1, self.bundle + 1, len(rows))).clip(max=len(rows) - 1)] = True
        first[0] = True
        first[1:] |= language[1:] != language[:-1]
        starts = np.flatnonzero(first)
        keep = min(len(starts), self.max_rows)
        keep = (
            keep // EVEN * EVEN if keep > EVEN else keep
        )  # as the sampler's batches, for equal parts on several processes
        starting = np.sort(rng.choice(len(starts), keep, replace=False))
        lengths = np.diff([*starts, len(rows)])[starting]
        ends = np.cumsum(lengths)
        return rows[
            np.repeat(starts[starting] - (ends - lengths), lengths) + np.arange(ends[-1])
        ], ends - lengths


def mixed(numbers: Ints) -> Ints:
    """Numbers scattered so that sums of different ones differ (the finalizer of splitmix64);
    distinct stay distinct.
    """
    with np.errstate(over="ignore"):
        x = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (x ^ (x >> np.uint64(31))).astype(np.int64)
