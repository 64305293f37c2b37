"""Pairs of texts as token ids, and batches of them: balanced over languages, of about equal length,
by step.

Sampling: an example of a language with n rows is drawn with weight n^(temperature - 1), with
replacement. A pool of `POOL` batches is drawn at once, sorted by length and cut into batches by a
token budget, so that little is padding; the batches of a pool are then visited in a random order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lusifer.data import Ids, TokenStore
from lusifer.errors import ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

POOL = 16
EVEN = 8
SAMPLE = 20_000  # pairs that a whitening is learnt from
SLACK = 1.5  # how far a batch may go past its token budget
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairStore:
    """n pairs (English, other language); a monolingual row's English is the empty text.

    One English sentence is often translated into a hundred languages, so it is kept once: pair i's
    English is `english[source[i]]`, and two pairs have the same English exactly where `source` is
    equal.
    """

    english: TokenStore
    text: TokenStore
    source: Ints
    language: Ints
    text_hash: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def lengths(self) -> Ints:
        """Tokens of both sides together, shape (n,)."""
        return np.asarray(self.english.lengths[self.source] + self.text.lengths)

    def pair(self, row: int) -> tuple[Ids, Ids]:
        """Token ids of row's (English, other language)."""
        return self.english[self.source[row]], self.text[row]

    def sample(self, seed: int) -> list[Ids]:
        """Token ids of both sides of up to `SAMPLE` random pairs; empty texts are left out."""
        rows = np.random.default_rng([seed, 4]).permutation(len(self))[:SAMPLE]
        return [ids for row in rows for ids in self.pair(int(row)) if len(ids)]

    @classmethod
    def build(
        cls, tokenizer: Tokenizer, rows: Iterable[tuple[str, str, str]], max_tokens: int
    ) -> PairStore:
        """From (language, English, text) rows."""
        rows = list(rows)
        number: dict[str, int] = {}
        source = np.array([number.setdefault(e, len(number)) for _, e, _ in rows], dtype=np.int64)
        english = TokenStore.build(tokenizer, number, max_tokens)
        text = TokenStore.build(tokenizer, (t for _, _, t in rows), max_tokens)
        codes = {name: i for i, name in enumerate(sorted({lang for lang, _, _ in rows}))}
        language = np.array([codes[lang] for lang, _, _ in rows], dtype=np.int64)
        return cls(english, text, source, language, _hashes(text))

    def save(self, folder: Path) -> None:
        """Write into `folder`."""
        self.english.save(folder / "english")
        self.text.save(folder / "text")
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def open(cls, folder: Path) -> PairStore:
        """Memory-map a saved store."""
        arrays = [np.load(folder / f"{name}.npy") for name in ARRAYS]
        return cls(TokenStore.open(folder / "english"), TokenStore.open(folder / "text"), *arrays)


ARRAYS = ("source", "language", "text_hash")


def _hashes(store: TokenStore) -> npt.NDArray[np.uint64]:
    """A 64-bit polynomial hash of each text's ids; equal texts have equal hashes."""
    with np.errstate(over="ignore"):
        value = store.ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
        position = np.arange(len(value), dtype=np.uint64) - np.repeat(
            store.offsets[:-1], store.lengths
        ).astype(np.uint64)
        value *= (position * np.uint64(2) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(32)
        sums = np.concatenate([[np.uint64(0)], np.cumsum(value, dtype=np.uint64)])
        result: npt.NDArray[np.uint64] = sums[store.offsets[1:]] - sums[store.offsets[:-1]]
        return result


class Sampler:
    """Step → (kind, rows): which store the step draws from and which of its rows.

    `draws`: how many times `max_rows` a kind's batch may hold, for rows that are put together
    afterwards.
    """

    def __init__(
        self,
        stores: Mapping[str, PairStore],
        kinds: Mapping[str, float],
        temperature: float,
        tokens: int,
        max_rows: int = 1 << 20,
        seed: int = 0,
        longest: int = 1 << 20,
        draws: Mapping[str, int] | None = None,
    ) -> None:
        self.names = sorted(k for k, share in kinds.items() if share > 0 and len(stores[k]))
        if not self.names:
            raise ConfigError(f"no rows to draw from: kinds {dict(kinds)} are empty")
        share = np.array([kinds[k] for k in self.names])
        self.share, self.tokens, self.seed = share / share.sum(), tokens, seed
        self.most = {name: max_rows * (draws or {}).get(name, 1) for name in self.names}
        self.cumulative, self.lengths, self.mean = {}, {}, {}
        for name in self.names:
            store = stores[name]
            counts = np.bincount(store.language)
            weight = counts.astype(np.float64)[store.language] ** (temperature - 1)
            self.lengths[name] = np.minimum(store.lengths, longest) + 3
            self.cumulative[name] = np.cumsum(weight / weight.sum())
            self.mean[name] = float((weight * self.lengths[name]).sum() / weight.sum())

    def __call__(self, step: int) -> tuple[str, Ints]:
        pool, index = divmod(step, POOL)
        rng = np.random.default_rng([self.seed, 0, pool])
        kinds = rng.choice(len(self.names), POOL, p=self.share)
        name = self.names[kinds[index]]
        mine = int((kinds[:index] == kinds[index]).sum())
        total = int((kinds == kinds[index]).sum())
        rng = np.random.default_rng([self.seed, 2 + int(kinds[index]), pool])
        wanted = min(int(self.tokens * total / self.mean[name]) + total, self.most[name] * total)
        rows = np.searchsorted(self.cumulative[name], rng.random(wanted)).clip(
            max=len(self.lengths[name]) - 1
        )
        rows = np.unique(rows)
        rows = rows[np.argsort(self.lengths[name][rows], kind="stable")]
        cost = np.cumsum(self.lengths[name][rows])
        cuts = (
            np.searchsorted(cost, cost[-1] * np.arange(1, total) / total)
            if total > 1
            else np.zeros(0, dtype=np.int64)
        )
        batches = np.split(rows, cuts)
        if min(map(len, batches)) < EVEN:  # one very long row among few, or a store of few rows
            batches = np.array_split(rows, total) if len(rows) >= total * EVEN else [rows] * total
        chosen = batches[int(rng.permutation(total)[mine])]
        fitting = int(
            np.searchsorted(
                np.cumsum(self.lengths[name][chosen]), self.tokens * SLACK, side="right"
            )
        )
        chosen = chosen[: max(fitting, EVEN)]
        if len(chosen) > self.most[name]:
            chosen = np.sort(rng.choice(chosen, self.most[name], replace=False))
        if len(chosen) > EVEN:
            chosen = chosen[
                : len(chosen) // EVEN * EVEN
            ]  # so that 2, 4 or 8 processes take equal parts and lose no row
        return name, chosen
