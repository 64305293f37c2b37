"""Rows of queries, documents and negatives as the token ids of a step, and those that are held out.

Which rows make a step's batch is `data/mixing.py`'s; where they lie, `training/pairs.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lusifer.data import KeySets, Mix, Mixing, RowStore
from lusifer.encoding import CachedRows
from lusifer.models import tokenise
from lusifer.training.pairs import PairData, Row
from lusifer.training.processes import Batch, rank_and_world
from lusifer.training.query_side import add_frozen
from lusifer.training.validation import Held

Ints = npt.NDArray[np.int64]
Places = Sequence[tuple[int, int]]  # (source, row of its store)


@dataclass(frozen=True)
class PairSettings:
    """What batches of pairs depend on, beside the rows."""

    data: PairData
    mixing: Mixing
    prompts: Mapping[str, str]
    batch_size: int
    steps: int
    seed: int


class PairRows:
    """Step → rows of the stores, by the mixing; a subclass makes a batch of them."""

    def __init__(
        self,
        settings: PairSettings,
        stores: list[RowStore],
        tokenizer: Any,
        max_tokens: int | None,
        parts: Sequence[Ints] | None = None,
    ) -> None:
        """`parts` are the rows of each store that are drawn from; without them all."""
        self.stores, self.tokenizer = stores, tokenizer
        # Which of its negatives each row of each store takes, (rows, k); None for all.
        self.choice: list[npt.NDArray[np.int16]] | None = None
        self.parts = parts or [np.arange(len(store)) for store in stores]
        self.max_tokens = min(settings.data.max_tokens, max_tokens or settings.data.max_tokens)
        columns = None if settings.mixing.distinct == "all" else 2
        texts = [
            KeySets(store, columns, part) for store, part in zip(stores, self.parts, strict=True)
        ]
        self.mix = Mix(
            texts,
            [source.weight for source in settings.data.sources],
            settings.mixing,
            settings.batch_size,
            settings.steps,
            settings.seed,
            [source.files[0] for source in settings.data.sources],
        )

    def rows(self, step: int) -> list[Row]:
        """The step's (query, document, negatives)."""
        return self.texts(self.drawn(step))

    def texts(self, chosen: Places) -> list[Row]:
        """(query, document, negatives) of rows given by source and number."""
        rows = [(t[0], t[1], t[2:]) for t in (self.stores[s][i] for s, i in chosen)]
        if self.choice is None:
            return rows
        own = (self.choice[s][i].tolist() for s, i in chosen)
        return [(q, d, tuple(n[k] for k in ks)) for (q, d, n), ks in zip(rows, own, strict=True)]

    def drawn(self, step: int) -> Places:
        """The step's rows, by source and number."""
        return [(s, int(self.parts[s][i])) for s, i in self.mix(step).tolist()]

    def __call__(self, step: int) -> Batch:
        return self.batch(self.drawn(step))

    def batch(self, chosen: Places) -> Batch:
        """Rows of the stores as a step reads them."""
        raise TypeError(f"{type(self).__name__} must say what a batch is")


class PairBatches(PairRows):
    """Step → token ids of queries, documents and negatives, prompts put before them; a teacher's
    scores as the label.

    With `frozen`, a vector for each text of a source but the query, documents come as vectors.
    """

    def __init__(
        self,
        settings: PairSettings,
        stores: list[RowStore],
        tokenizer: Any,
        max_tokens: int | None,
        frozen: list[CachedRows] | None = None,
        parts: Sequence[Ints] | None = None,
    ) -> None:
        super().__init__(settings, stores, tokenizer, max_tokens, parts)
        self.frozen, self.prompts, self.seed = frozen, settings.prompts, settings.seed
        self.own = [source.prompts for source in settings.data.sources]

    def prompts_of(self, side: str, chosen: Places) -> list[str]:
        """What stands before each row's texts: its source's own instruction, one of them drawn by
        the row's number, or the recipe's.
        """
        usual, found = self.prompts.get(side, ""), list[str]()
        for source, row in chosen:
            own = self.own[source].get(side)
            if not own:
                found.append(usual)
                continue
            drawn = np.random.default_rng([self.seed, 24, source, row, side == "query"])
            found.append(own[int(drawn.integers(len(own)))] if len(own) > 1 else own[0])
        return found

    def batch(self, chosen: Places) -> Batch:
        rows = self.texts(chosen)
        prompts = {side: self.prompts_of(side, chosen) for side in ("query", "document")}
        batch = tokenise_rows(rows, self.tokenizer, prompts, self.max_tokens)
        columns = 1 + min(len(row[2]) for row in rows)
        if self.frozen:
            add_frozen(batch, self.frozen, self.stores, chosen, columns)
        if self.stores[0].numbers is not None:
            batch["label"] = torch.from_numpy(
                np.stack([self.stores[s].beside(i)[:columns] for s, i in chosen])
            )
        return batch


def split_stores(stores: Sequence[RowStore], rows: int) -> tuple[list[Ints], list[Ints]]:
    """Which rows of each store are trained on, and which are held out.

    Args:
        stores: one a source.
        rows: how many to hold out of all sources, of each by its size and at most half of it. Rows
            of one query go together.

    Returns:
        For each store the rows to train on, and the rows to measure.
    """
    total = sum(map(len, stores))
    trained, held = list[Ints](), list[Ints]()
    for store in stores:
        size = len(store)
        wanted = min(-(-rows * size // max(total, 1)), size // 2)
        queries = np.asarray(store.keys[:, 0])
        numbers, counts = np.unique(queries, return_counts=True)
        order = np.argsort(numbers.view(np.uint64))  # hashes: in their order no language, no topic
        few, count = list[int](), 0
        for i in order.tolist():
            if count + counts[i] <= wanted:
                few.append(i)
                count += int(counts[i])
            if count == wanted:
                break
        aside = np.isin(queries, numbers[few])
        trained.append(np.flatnonzero(~aside))
        held.append(np.flatnonzero(aside))
    return trained, held


def held_pairs(batches: PairRows, parts: Sequence[Ints], batch_size: int) -> Held | None:
    """Held-out rows of each source in batches of its own, of up to `batch_size`.

    Args:
        batches: what reads rows.
        parts: the held-out rows of each source.
        batch_size: rows of a batch. The last of a source is cut to equal parts for the processes; one
            row by itself is left out, since nothing is beside it.

    Returns:
        The batches; None where no row is held out.
    """
    world, chosen = rank_and_world()[1], list[Places]()
    for source, rows in enumerate(parts):
        for i in range(0, len(rows), batch_size):
            part = rows[i : i + batch_size]
            part = part[: len(part) // world * world]
            if len(part) > 1:
                chosen.append([(source, int(row)) for row in part])
    return Held(len(chosen), lambda number: batches.batch(chosen[number])) if chosen else None


def tokenise_rows(
    rows: Sequence[Row], tokenizer: Any, prompts: Mapping[str, Sequence[str]], max_tokens: int
) -> Batch:
    """Rows → `query_`, `document_` and `negative_K_` ids and masks, each row's prompts put before its
    texts; as many negatives as all rows have.
    """
    columns = {"query": [r[0] for r in rows], "document": [r[1] for r in rows]}
    columns |= {
        f"negative_{k}": [r[2][k] for r in rows] for k in range(min(len(r[2]) for r in rows))
    }
    batch: Batch = {}
    for name, texts in columns.items():
        before = prompts["query" if name == "query" else "document"]
        whole = [prompt + text for prompt, text in zip(before, texts, strict=True)]
        features = tokenise(tokenizer, whole, max_tokens)
        batch |= {f"{name}_{key}": value for key, value in features.items()}
    return batch
