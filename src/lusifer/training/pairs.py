"""Rows of queries, documents and negatives, from files to the token ids of a step.

Rows lie on disk (`data/row_store.py`), so that a source may be larger than the memory; which rows
make a step's batch is `data/mixing.py`'s.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from lusifer.data import (
    KeySets,
    Mix,
    Mixing,
    Row as DataRow,
    RowStore,
    Source,
    read_source,
    refuse_foreign,
    require,
)
from lusifer.encoding import CachedRows
from lusifer.errors import ConfigError, DataError
from lusifer.models import tokenise
from lusifer.training.loop import Batch, rank_and_world, wait_for_all
from lusifer.training.query_side import add_frozen
from lusifer.training.validation import Held

log = logging.getLogger(__name__)

Row = tuple[str, str, tuple[str, ...]]
Ints = npt.NDArray[np.int64]
Places = Sequence[tuple[int, int]]  # (source, row of its store)
ENGLISH = ("query", "document", "negative")  # columns that `english_only` looks at


@dataclass(frozen=True)
class WeightedSource(Source):
    """A source and how often it is drawn, beside its size: 2 twice as often, 0 never.

    `views` makes a pair of one text (column `text`), without labels: `crops` are two spans of it (arXiv
    2112.09118), `same` is the text twice, told apart by dropout alone (SimCSE, arXiv 2104.08821).

    `prompts` are instructions of its own, for `query` and `document`, instead of the recipe's; of
    several one is drawn for each row. `task` is the name that the model keeps the first of them
    under, a task's of `lusifer evaluate` (`xquad`) or a kind's (`Retrieval`), which are then asked
    with it.
    """

    weight: float = 1.0
    prompts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    task: str | None = None
    views: Literal["crops", "same"] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.views and "text" not in self.names:
            raise ValueError(f"{self.files[0]}: views are made of a column `text`")
        if unknown := sorted(set(self.prompts) - {"query", "document"}):
            raise ValueError(f"prompts are for query and document, not {', '.join(unknown)}")
        if not all(self.prompts.values()):
            raise ValueError(
                "prompts of a source are one instruction or more; leave the key out for none"
            )
        if self.task and not self.prompts:
            raise ValueError(
                f"task is {self.task!r}, which names prompts that the source has none of"
            )


@dataclass(frozen=True)
class PairData:
    """Sources with columns `query`, `document` and as many `negative` (`negative`, `negative_2`, …)
    as there are. `english_only` refuses a source whose texts are of other languages.
    """

    root: str = "."
    sources: tuple[WeightedSource, ...] = ()
    max_tokens: int = 128
    english_only: bool = False

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")


def given(source: Source) -> int:
    """How many negatives a source's rows have columns for."""
    return sum(name.startswith("negative") for name in source.names)


def pairs_in(
    rows: Iterable[DataRow], source: Source, wanted: int
) -> Iterator[tuple[DataRow, Row, list[int]]]:
    """Each row, its (query, document, `wanted` negatives), and which of its negatives these are.

    Left out, and counted: a query that is its own document, and rows with fewer negatives that are
    neither its document nor its query.
    """
    seen = found = 0
    columns = [c for c in source.names if c.startswith("negative")]
    for row in rows:
        seen += 1
        v = row.values
        own = [k for k, c in enumerate(columns) if v[c] not in (v["document"], v["query"])]
        own = own[:wanted]
        if v["query"] != v["document"] and len(own) >= wanted:
            found += 1
            yield row, (v["query"], v["document"], tuple(v[columns[k]] for k in own)), own
    if found < seen:
        lost = f"the query is the document, or fewer than {wanted} negatives other than it"
        log.warning("%s: %d of %d rows are left out: %s", source.files[0], seen - found, seen, lost)


def read_pairs(
    data: PairData, negatives: int, root: Path, folder: Path, *, scored: bool = False
) -> list[RowStore]:
    """Each source's rows in a store on disk: query, document, and as many negatives as it has
    columns for, or `negatives`.

    Args:
        data: the sources.
        negatives: at most so many a row.
        root: where the sources' files are.
        folder: where the stores are written; those of an earlier run are found again.
        scored: read the column `scores` too, of each row's document and negatives.

    Returns:
        A store a source.

    Raises:
        ConfigError: where a source is empty, lacks a column, or is of another language than English
            where that is asked for.
        DataError: where scores are no numbers, or too few.
    """
    for source in data.sources:
        named = ("text",) if source.views else ("query", "document")
        require(source, (*named, *(("scores",) if scored else ())), "data.sources")
    if rank_and_world()[0] == 0:
        for number, source in enumerate(data.sources):
            count = min(negatives, given(source))
            rows = _rows(data, source, root, count, scored=scored)
            RowStore.write(folder / f"source-{number}", rows, 2 + count)
    wait_for_all()
    stores = [RowStore(folder / f"source-{number}") for number in range(len(data.sources))]
    for source, store in zip(data.sources, stores, strict=True):
        if not len(store):
            raise ConfigError(
                f"data.sources: {source.files[0]} holds no pair of a query and another text"
            )
    return stores


def two_views(text: str, views: str) -> tuple[str, str] | None:
    """A pair made of one text.

    Args:
        text: a sentence or more.
        views: `crops` or `same`.

    Returns:
        Two spans of whole words, each of half the text to all of it, drawn by the text's hash; or the
        text twice. None where a crop would have no word to leave out. Scripts without spaces are cut
        between characters.
    """
    if views == "same":
        return text, text
    words = text.split()
    parts = words if len(words) > 3 else list(text)
    if len(parts) < 4:
        return None
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    rng, crops = np.random.default_rng(list(digest)), list[str]()
    for _ in range(2):
        size = int(rng.integers(len(parts) // 2, len(parts)))
        start = int(rng.integers(0, len(parts) - size + 1))
        crops.append((" " if parts is words else "").join(parts[start : start + size]).strip())
    return (crops[0], crops[1]) if all(crops) else None


def _rows(
    data: PairData, source: WeightedSource, root: Path, count: int, *, scored: bool
) -> Iterator[tuple[tuple[str, ...], list[float]]]:
    rows: Iterable[DataRow] = read_source(source, root)
    if source.views:
        for row in rows:
            if pair := two_views(row.values["text"], source.views):
                yield pair, []
        return
    if data.english_only:
        rows = list(rows)
        refuse_foreign(rows, tuple(c for c in source.names if c.startswith(ENGLISH)))
    for row, (query, document, negatives), own in pairs_in(rows, source, count):
        scores = _scores(row, given(source), own) if scored else []
        yield (query, document, *negatives), scores


def _scores(row: DataRow, negatives: int, own: Sequence[int]) -> list[float]:
    """A teacher's scores of a row's document and of its own negatives."""
    try:
        scores = [float(value) for value in row.values["scores"].split()]
    except ValueError:
        raise DataError(
            row.path, row.line, "scores are not numbers with spaces between them"
        ) from None
    due = 1 + negatives
    if len(scores) < due or not all(map(math.isfinite, scores)):
        raise DataError(
            row.path,
            row.line,
            f"{len(scores)} scores; a positive and {negatives} negatives want {due} finite ones",
        )
    return [scores[0], *(scores[1 + k] for k in own)]


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
        return self.texts(self._chosen(step))

    def texts(self, chosen: Places) -> list[Row]:
        """(query, document, negatives) of rows given by source and number."""
        return [(t[0], t[1], t[2:]) for t in (self.stores[s][i] for s, i in chosen)]

    def _chosen(self, step: int) -> Places:
        return [(s, int(self.parts[s][i])) for s, i in self.mix(step).tolist()]

    def __call__(self, step: int) -> Batch:
        return self.batch(self._chosen(step))

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

    def _prompts(self, side: str, chosen: Places) -> list[str]:
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
        prompts = {side: self._prompts(side, chosen) for side in ("query", "document")}
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
        few = order[: int(np.searchsorted(np.cumsum(counts[order]), wanted, side="right"))]
        aside = np.isin(queries, numbers[few])
        trained.append(np.flatnonzero(~aside))
        held.append(np.flatnonzero(aside))
    return trained, held


def held_pairs(batches: PairRows, parts: Sequence[Ints], batch_size: int) -> Held | None:
    """Held-out rows of each source in batches of its own, of up to `batch_size`.

    Args:
        batches: what reads rows.
        parts: the held-out rows of each source.
        batch_size: rows of a batch; a rest of one row is left out, since nothing is beside it.

    Returns:
        The batches; None where no row is held out.
    """
    chosen = [
        [(source, int(row)) for row in rows[i : i + batch_size]]
        for source, rows in enumerate(parts)
        for i in range(0, len(rows), batch_size)
        if len(rows) - i > 1
    ]
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
