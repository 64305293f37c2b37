"""Hard negatives: for each query, passages that look right to a model and are not.

Method: positive-aware mining (NV-Retriever, arXiv 2407.15831), with the settings of
sentence-transformers' `mine_hard_negatives`: each query's nearest passages, without its positives,
its own text, and those nearer than its positive allows (`relative_margin`, `absolute_margin`,
`max_score`): the nearest are the suspects, so they go, not the farthest. Of the rest the ranks
`range_min` to `range_max`, the hardest or a random sample. Exact search in blocks over vectors on
disk. Cost: queries x passages inner products; memory a few hundred bytes a text and a block of
scores, however many passages. Not needed for batches of many thousands in which hard ones meet
anyway.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lusifer.config import refuse_nan
from lusifer.curation.pair_corpus import EmbeddedPairs, PairCorpus, Told, silent
from lusifer.curation.report import CurationReport
from lusifer.data import Row
from lusifer.encoding import Ints, nearest_of
from lusifer.errors import LusiferError
from lusifer.io import fingerprint, locked, made_folder, replacing_file, write_json, write_text
from lusifer.models import LoadedModel, Reranker, Vectors as Scores

TOGETHER = 64  # queries whose pairs a reranker gets at once
QUERIES = 4096  # of a part: what an interrupted run loses at most
FEW = "fewer negatives than asked for"
POSITIVE, OWN = "a positive of the query", "the query's own text"
REASONS = (POSITIVE, OWN, "relative_margin", "absolute_margin", "max_score", "min_score")


@dataclass(frozen=True)
class Mining:
    """Names as in sentence-transformers. `range_max` null is `range_min` + 10 x `num_negatives`,
    and the most positives of a query.

    `language`: negatives of the document's language alone (`same`), of others alone (`other`), or
    `any`.
    """

    num_negatives: int = 7
    relative_margin: float | None = 0.05
    absolute_margin: float | None = None
    max_score: float | None = None
    min_score: float | None = None
    range_min: int = 0
    range_max: int | None = None
    sampling_strategy: Literal["top", "random"] = "top"
    language: Literal["any", "same", "other"] = "any"
    seed: int = 0

    def __post_init__(self) -> None:
        refuse_nan(self)
        if self.num_negatives < 1:
            raise LusiferError(f"num_negatives is {self.num_negatives}; it must be 1 or more")
        if self.range_min < 0 or (
            self.range_max is not None and self.range_max < self.range_min + self.num_negatives
        ):
            raise LusiferError(
                "range_min must be 0 or more, and range_max at least range_min + num_negatives"
            )
        for name in ("relative_margin", "absolute_margin"):
            if (value := getattr(self, name)) is not None and value < 0:
                raise LusiferError(
                    f"{name} is {value}; a negative one would keep what is nearer than the positive"
                )


def mine(
    rows: Iterable[Row],
    model: LoadedModel,
    into: Path,
    settings: Mining,
    report: CurationReport,
    *,
    corpus: Iterable[Row] = (),
    reranker: Reranker | None = None,
    reranker_name: str = "",
    cache: Path | None = None,
    tell: Told = silent,
) -> None:
    """Write each pair with its negatives: `query`, `document`, `negative`, `negative_2`, …,
    `scores` (the positive's first), `language`.

    Passages are the pairs' documents and the `document` column of `corpus`. A run that was stopped
    goes on; with `cache` vectors are kept there for further runs. A reranker scores the candidates
    in the model's place. Raises LusiferError where no pair has enough.
    """
    aside = into.with_name(f".{into.name}.mining")
    with made_folder(aside), locked(aside, f"{into}: another run is writing it"):
        with closing(PairCorpus(aside)) as pool:
            pool.fill(rows, corpus, report)
            settings = replace(
                settings,
                range_max=settings.range_max
                or settings.range_min + 10 * settings.num_negatives + pool.most,
            )
            report.settings |= asdict(settings)
            parts: list[Path] = []
            if len(pool.queries):
                parts = _search(
                    pool, model, aside, cache or aside, settings, reranker, tell, reranker_name
                )
        tallies = [
            json.loads(part.with_suffix(".json").read_text(encoding="utf-8")) for part in parts
        ]
        report.written = sum(t.pop("written") for t in tallies)
        report.drop(FEW, sum(t.pop("few") for t in tallies))
        if not report.written:
            raise LusiferError(
                f"no pair has {settings.num_negatives} negatives; ask for fewer, or for a smaller margin ({_said(report)})"
            )
        report.more["candidates"] = {name: sum(t[name] for t in tallies) for name in tallies[0]}
        with replacing_file(into) as stream:
            for part in parts:
                with part.open("rb") as lines:
                    shutil.copyfileobj(lines, stream)
    shutil.rmtree(aside, ignore_errors=True)


def _said(report: CurationReport) -> str:
    return (
        "; ".join(f"{count:,} {reason}" for reason, count in report.dropped.most_common())
        or "no pairs were read"
    )


class Search(EmbeddedPairs):
    """The search for a pool's negatives: by the model's vectors, and a reranker's word where there
    is one.
    """

    def __init__(
        self,
        pool: PairCorpus,
        model: LoadedModel,
        folder: Path,
        settings: Mining,
        reranker: Reranker | None,
        tell: Told,
    ) -> None:
        super().__init__(pool, model, folder, tell)
        self.settings, self.reranker = settings, reranker
        first = np.array([pool.of(q)[0] for q in range(len(pool.queries))], dtype=np.int64)
        self.wanted = pool.languages[first]  # the language of each query's document

    def candidates(self, start: int, stop: int) -> tuple[Scores, Ints]:
        """Scores and numbers (n, range_max + most positives) of the passages for queries `start` to
        `stop`, by the model.
        """
        depth = (self.settings.range_max or 0) + self.pool.most

        def barred(rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
            same = (
                self.wanted[start + rows.start : start + rows.stop, None]
                == self.pool.languages[self.order[columns]][None]
            )
            wrong: npt.NDArray[np.bool_] = ~same if self.settings.language == "same" else same
            return wrong

        rule = None if self.settings.language == "any" else barred
        scores, places = nearest_of(self.queries[start:stop], self.in_order, depth, barred=rule)
        return scores, np.where(places >= 0, self.order[places], -1)

    def rerank(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Scores]:
        """The reranker's scores of some passages for each of some queries; it gets the pairs of all
        together, and puts those of a length beside each other.
        """
        assert self.reranker is not None
        pairs = [
            (self.pool.queries[query], self.pool.passages[p]) for query, own in asked for p in own
        ]
        scores = np.asarray(self.reranker(pairs), dtype=np.float32)
        return np.split(scores, np.cumsum([len(own) for _, own in asked])[:-1])

    def judge(self, start: int, stop: int, places: Ints) -> dict[int, tuple[Scores, Scores]]:
        """The reranker's scores of the candidates, and of the positives, of queries `start` to `stop`."""
        asked: list[tuple[int, Sequence[int]]] = []
        for query in range(start, stop):
            own = places[query - start]
            asked += [(query, own[own >= 0].tolist()), (query, self.pool.of(query).tolist())]
        found = self.rerank(asked)
        return {start + i: (found[2 * i], found[2 * i + 1]) for i in range(stop - start)}

    def part(self, start: int, stop: int) -> tuple[list[dict[str, Any]], Counter[str]]:
        """Rows with their negatives for queries `start` to `stop`, and counts."""
        scores, places = self.candidates(start, stop)
        rows: list[dict[str, Any]] = []
        counts: Counter[str] = Counter(dict.fromkeys(("written", "few", "seen", *REASONS), 0))
        names = list(self.pool.names)
        judged: dict[int, tuple[Scores, Scores]] = {}
        for query in range(start, stop):
            there = places[query - start] >= 0
            of, own = scores[query - start][there], places[query - start][there]
            right = self.positives(query)
            if self.reranker:
                if query not in judged:
                    judged = self.judge(query, min(query + TOGETHER, stop), places[query - start :])
                of, right = judged[query]
            positive = self.pool.is_right(query, own)
            chosen, lost = choose(
                of, own, right, positive, int(self.pool.own[query]), self.settings, query
            )
            counts.update(lost | {"seen": len(own)})
            for document, score in zip(self.pool.of(query).tolist(), right.tolist(), strict=True):
                if len(chosen) < self.settings.num_negatives:
                    counts["few"] += 1
                    continue
                row: dict[str, Any] = {
                    "query": self.pool.queries[query],
                    "document": self.pool.passages[document],
                }
                for n, k in enumerate(chosen.tolist(), 1):
                    row["negative" if n == 1 else f"negative_{n}"] = self.pool.passages[int(own[k])]
                row["scores"] = [round(float(value), 5) for value in (score, *of[chosen])]
                if names != [""]:
                    row["language"] = names[self.pool.languages[document]]
                rows.append(row)
                counts["written"] += 1
        return rows, counts


def choose(
    scores: Scores,
    places: Ints,
    right: Scores,
    positive: npt.NDArray[np.bool_],
    own: int,
    settings: Mining,
    query: int,
) -> tuple[Ints, dict[str, int]]:
    """Which of a query's candidates (n,) are its negatives, hardest first, and how many were
    dropped for what reason.

    `right` are its positives' scores, of which the least sets the margins; `positive` says which of
    the candidates are right for it; `own` is the passage that is the query's own text, or -1.
    """
    floor = float(right.min())
    tests = {
        POSITIVE: positive,
        OWN: places == own,
        "relative_margin": None
        if settings.relative_margin is None
        else scores > floor - abs(floor) * settings.relative_margin,
        "absolute_margin": None
        if settings.absolute_margin is None
        else scores + settings.absolute_margin > floor,
        "max_score": None if settings.max_score is None else scores > settings.max_score,
        "min_score": None if settings.min_score is None else scores < settings.min_score,
    }
    left = np.ones(len(scores), dtype=bool)
    lost = {}
    for reason, test in tests.items():
        if test is not None:
            lost[reason] = int((left & test).sum())
            left &= ~test
    found = np.flatnonzero(left)
    found = found[np.argsort(-scores[found], kind="stable")][
        settings.range_min : settings.range_max
    ]
    if settings.sampling_strategy == "random" and len(found) > settings.num_negatives:
        rng = np.random.default_rng([settings.seed, query])
        found = found[np.sort(rng.choice(len(found), settings.num_negatives, replace=False))]
    return found[: settings.num_negatives], lost


def _search(
    pool: PairCorpus,
    model: LoadedModel,
    aside: Path,
    cache: Path,
    settings: Mining,
    reranker: Reranker | None,
    tell: Told,
    about: str,
) -> list[Path]:
    """The parts' files, each made where it is not there yet."""
    folder = aside / fingerprint(pool.hash, [repr(settings), model.hash, about])
    starts = range(0, len(pool.queries), QUERIES)
    parts = [folder / f"{start:010}.jsonl" for start in starts]
    if not all(part.with_suffix(".json").exists() for part in parts):
        search = Search(pool, model, cache, settings, reranker, tell)
        progress = tell("searching")
        for start, part in zip(starts, parts, strict=True):
            if not part.with_suffix(".json").exists():
                rows, counts = search.part(start, min(start + QUERIES, len(pool.queries)))
                write_text(
                    part, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                )
                write_json(
                    part.with_suffix(".json"), dict(counts)
                )  # after the rows: it says that they are whole
            progress(min(start + QUERIES, len(pool.queries)), len(pool.queries))
    return parts
