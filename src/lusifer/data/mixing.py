"""Which rows of which sources make the batch of a step: a pure function of (seed, step), so that a
resumed run sees the same.

Sources are drawn by weight x rows^temperature: 1 as they are large, 0 all alike, between them small
sources often (the temperature of mT5, arXiv 2010.11934, is 1 / ours). A batch is of one source
(task-homogeneous: its in-batch negatives are of a kind), or `homogeneous` of it is and the rest is
exchanged within a group of batches (semi-homogeneous: KaLM, arXiv 2506.20923). No text is in a
batch twice (`distinct`). A source that ends begins anew in another order; none ends the others.
Cost: a group of batches is put together at once.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lusifer.errors import ConfigError

GROUP = 8  # batches among which rows are exchanged
BLOCK = 4096  # rows whose keys are read at a time
Ints = npt.NDArray[np.int64]
Texts = Sequence[frozenset[str]] | Sequence[frozenset[int]]  # texts, or numbers that stand for them


@dataclass(frozen=True)
class Mixing:
    """How sources are mixed. `homogeneous` is the share of a batch that is of its own source.

    `distinct`: no text of `all` a row's texts is in a batch twice, or none of the `pairs` of query
    and document: mined negatives repeat.
    """

    temperature: float = 0.5
    homogeneous: float = 1.0
    distinct: Literal["all", "pairs"] = "all"

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 1:
            raise ValueError(
                "mixing.temperature is an exponent of the sources' sizes, from 0 (all alike) to 1 (by size)"
            )
        if not 0 <= self.homogeneous <= 1:
            raise ValueError("mixing.homogeneous is a share of a batch, from 0 to 1")


class DistinctEpochs:
    """Step → rows of one batch, no text twice in it: a row that would repeat a text waits for a
    later batch.
    """

    def __init__(self, texts: Texts, batch_size: int, seed: int | Sequence[int]) -> None:
        if batch_size < 1:
            raise ConfigError("batch_size must be at least 1")
        self.texts = texts
        self.size, self.seed = (
            min(batch_size, len(texts)),
            [seed] if isinstance(seed, int) else list(seed),
        )
        self.cached: tuple[int, list[Ints]] = (-1, [])
        # A byte a row: whether a text of it stands in another row too. All others go anywhere.
        self.repeats = repeated(texts).tobytes()
        self.per_epoch = len(self._epoch(0))

    def __call__(self, step: int) -> Ints:
        epoch, slot = divmod(step, self.per_epoch)
        batches = self._epoch(epoch)
        return batches[slot % len(batches)]

    def _epoch(self, epoch: int) -> list[Ints]:
        if self.cached[0] == epoch:
            return self.cached[1]
        queue, begin = array("q"), 0
        order = np.random.default_rng([*self.seed, 15, epoch]).permutation(len(self.texts))
        queue.frombytes(memoryview(order.astype(np.int64, copy=False)).cast("B"))  # type: ignore[arg-type]  # any bytes will do
        del order
        batches: list[Ints] = []
        texts = _Ahead(self.texts)
        while len(queue) - begin >= self.size:
            batch: list[int] = []
            seen: set[str | int] = set()
            later: list[int] = []
            while begin < len(queue) and len(batch) < self.size:
                row = queue[begin]
                if not self.repeats[row]:
                    batch.append(row)
                elif seen.isdisjoint(own := texts.of(queue, begin)):
                    batch.append(row)
                    seen.update(own)
                else:
                    later.append(row)
                begin += 1
            if len(batch) < self.size:
                break
            batches.append(np.array(batch))
            queue.extend(
                later
            )  # at the back: rows that repeat a text are looked at again once, not at every batch
        if not batches:
            hint = "lower it, or let negatives repeat (mixing.distinct=pairs)"
            raise ConfigError(
                f"batch_size is {self.size}: the data holds fewer rows with texts of their own; {hint}"
            )
        self.cached = (epoch, batches)
        return batches


class _Ahead:
    """The texts of a queue's rows, from a table of keys a block of rows at a time: a set a row would take
    ten times as long.
    """

    def __init__(self, texts: Texts) -> None:
        keys = getattr(texts, "keys", None)
        self.texts, self.keys = texts, keys if isinstance(keys, np.ndarray) else None
        self.start, self.block = 0, list[list[int]]()

    def of(self, queue: array[int], at: int) -> Iterable[str | int]:
        """The texts of the row that stands at a position of the queue."""
        if self.keys is None:
            return self.texts[queue[at]]
        if not self.start <= at < self.start + len(self.block):
            self.start = at
            rows = np.array(queue[at : at + BLOCK], dtype=np.int64)
            self.block = self.keys[rows].tolist()
        return self.block[at - self.start]


def repeated(texts: Texts) -> npt.NDArray[np.bool_]:
    """Which rows hold a text that stands elsewhere too.

    Args:
        texts: the texts of each of n rows, or numbers that stand for them.

    Returns:
        (n,); a row that holds one text twice may count too.
    """
    keys = getattr(texts, "keys", None)
    if not isinstance(keys, np.ndarray):
        counts = Counter(text for row in texts for text in row)
        return np.array([any(counts[text] > 1 for text in row) for row in texts], dtype=np.bool_)
    ordered = np.sort(keys, axis=None)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    found = np.zeros(len(keys), dtype=np.bool_)
    for column in keys.T if len(twice) else ():
        found |= twice[np.searchsorted(twice, column).clip(max=len(twice) - 1)] == column
    return found


class Mix:
    """Step → the rows of its batch as (source, row) pairs, shape (batch, 2)."""

    def __init__(
        self, sources: Sequence[Texts], weights: Sequence[float], mixing: Mixing, batch_size: int, steps: int, seed: int,
        names: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`sources`: for each row of each source the texts that must not be in a batch twice;
        `names`: what an error calls them.
        """
        for number, texts in enumerate(sources):
            if len(texts) < batch_size:
                name = names[number] if names else f"source {number}"
                raise ConfigError(
                    f"{name} holds {len(texts)} rows, fewer than a batch of {batch_size}; lower batch_size or join it"
                )
        sizes = np.array([len(texts) for texts in sources], dtype=np.float64)
        shares = np.array(weights, dtype=np.float64) * sizes**mixing.temperature
        if (shares < 0).any() or not shares.sum() > 0:
            raise ConfigError("the sources' weights must be 0 or more, and one of them above 0")
        self.sources, self.mixing, self.seed = sources, mixing, seed
        whole = -(-steps // GROUP) * GROUP
        self.chosen = np.random.default_rng([seed, 21]).choice(
            len(sources), size=whole, p=shares / shares.sum()
        )
        # how often a step's source came before: which of its batches it takes
        self.turn = np.zeros(whole, dtype=np.int64)
        for number in range(len(sources)):
            positions = np.flatnonzero(self.chosen == number)
            self.turn[positions] = np.arange(len(positions))
        self.epochs = [
            DistinctEpochs(texts, batch_size, [seed, 22, s]) for s, texts in enumerate(sources)
        ]
        self.cached: tuple[int, list[Ints]] = (-1, [])

    def __call__(self, step: int) -> Ints:
        if self.mixing.homogeneous == 1:
            return self._own(step)
        group, slot = divmod(step, GROUP)
        if self.cached[0] != group:
            self.cached = (group, self._exchanged(group))
        return self.cached[1][slot]

    def _own(self, step: int) -> Ints:
        source = int(self.chosen[step])
        rows = self.epochs[source](int(self.turn[step]))
        return np.stack([np.full_like(rows, source), rows], axis=1)

    def _exchanged(self, group: int) -> list[Ints]:
        """A group's batches after each gave away 1 - homogeneous of its rows and took others'; one
        that brings a text twice stays.
        """
        batches = [self._own(group * GROUP + i) for i in range(GROUP)]
        given = round((1 - self.mixing.homogeneous) * len(batches[0]))
        positions = [
            (b, i) for b in range(GROUP) for i in range(given)
        ]  # a batch's rows are in random order already
        order = np.random.default_rng([self.seed, 23, group]).permutation(len(positions))
        texts_of = [set().union(*(self._texts(row) for row in batch)) for batch in batches]
        for (b, i), target in zip(positions, order.tolist(), strict=True):
            c, j = positions[target]
            mine, other = batches[b][i].copy(), batches[c][j].copy()
            if (
                b != c
                and texts_of[b].isdisjoint(self._texts(other))
                and texts_of[c].isdisjoint(self._texts(mine))
            ):
                batches[b][i], batches[c][j] = other, mine
                texts_of[b] = texts_of[b] - self._texts(mine) | self._texts(other)
                texts_of[c] = texts_of[c] - self._texts(other) | self._texts(mine)
        return batches

    def _texts(self, row: Ints) -> frozenset[str] | frozenset[int]:
        return self.sources[int(row[0])][int(row[1])]
