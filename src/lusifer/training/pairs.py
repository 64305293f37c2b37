"""Rows of queries, documents and negatives, from files to stores on disk (`data/row_store.py`), so that
a source may be larger than the memory.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np

from lusifer.data import (
    Row as DataRow,
    RowStore,
    Source,
    english_rows,
    read_source,
    require,
)
from lusifer.errors import ConfigError, DataError
from lusifer.text import latin
from lusifer.training.labelled_pairs import labelled_pairs
from lusifer.training.processes import rank_and_world, wait_for_all

log = logging.getLogger(__name__)

Row = tuple[str, str, tuple[str, ...]]
ENGLISH = ("query", "document", "negative")  # columns that `english_only` looks at


@dataclass(frozen=True)
class WeightedSource(Source):
    """A source and how often it is drawn, beside its size: 2 twice as often, 0 never.

    `views` makes a pair of one text (column `text`), without labels: `crops` are two spans of it (arXiv
    2112.09118), `same` is the text twice, told apart by dropout alone (SimCSE, arXiv 2104.08821),
    `transliteration` the text and itself in Latin letters (TransliCo, arXiv 2401.06620). `labels` pairs
    texts by their column `label`, with grades for the term `cosent` (SetFit).

    `prompts` are instructions of its own, for `query` and `document`, instead of the recipe's; of
    several one is drawn for each row. `task` is the name that the model keeps the first of them
    under, a task's of `lusifer evaluate` (`xquad`) or a kind's (`Retrieval`), which are then asked
    with it.
    """

    weight: float = 1.0
    prompts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    task: str | None = None
    views: Literal["crops", "same", "transliteration", "labels"] | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that pairs are made of."""
        if self.views:
            return ("text", "label") if self.views == "labels" else ("text",)
        return "query", "document"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.views and not {*self.wanted} <= {*self.names}:
            columns = " and ".join(f"`{name}`" for name in self.wanted)
            raise ValueError(f"{self.files[0]}: views: {self.views} wants a column {columns}")
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
        graded = ("scores",) if scored and source.views != "labels" else ()
        require(source, (*source.wanted, *graded), "data.sources")
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
        views: `crops`, `same` or `transliteration`.

    Returns:
        Two spans of whole words, each of half the text and more, drawn by the text's hash; the text
        twice; or the text and itself in Latin letters. None where a crop would have no word to leave
        out, or no letter is of another script. Scripts without spaces are cut between characters.

    Raises:
        MissingExtra: for a transliteration without anyascii.
    """
    if views == "same":
        return text, text
    if views == "transliteration":
        other = " ".join(latin(text).split())
        return (text, other) if other and other.lower() != text.lower() else None
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
    if data.english_only:
        columns = tuple(
            c for c in source.names if c.startswith(ENGLISH) or (source.views and c == "text")
        )
        rows = english_rows(rows, columns)
    if source.views == "labels":
        if count or not scored:
            raise ConfigError(
                f"{source.files[0]}: views: labels gives graded pairs, for the term cosent and negatives: 0"
            )
        yield from labelled_pairs((row.values["text"], row.values["label"]) for row in rows)
    elif source.views:
        for row in rows:
            if pair := two_views(row.values["text"], source.views):
                yield pair, []
    else:
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
