"""The kinds of local tasks: what is asked of a model's vectors. What lies in which file is said in
`evaluation/catalog.py`.

| kind | question |
|---|---|
| `Bitext` | is a sentence's translation the nearest among the pool? |
| `Retrieval` | is a question's passage among the nearest, in English and in the question's own
language? |
| `Similarity` | does cosine rank pairs as people do? Spearman's correlation |
| `Classification` | logistic regression, taught in English and tested in each language; taught and
tested in one language |
| `Clustering` | k-means with as many clusters as classes: V-measure |
| `PairClassification` | does cosine tell pairs of a kind from others? average precision |
| `Reranking` | are a question's right answers first among its candidates? mAP |

`anchor` is the model that made an index: with it, the English side of a search is embedded by the
anchor, not by the model under test, which shows whether an existing index stays valid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from lusifer.encoding import CachedRows, Encoder
from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluation.metrics import bitext, mean_precision, mrr, ndcg, recall
from lusifer.evaluation.reranked import search_ranks
from lusifer.evaluation.scores import Measured
from lusifer.models import Vectors
from lusifer.text import ENGLISH, Languages

SEED = 0
ROUNDS = 2000  # of the logistic regression's optimiser, at most
STARTS = 3  # of k-means, of which the tightest counts


class Task(Protocol):
    """Something to ask of a model, language by language."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """By which users ask for it."""

    @property
    def files(self) -> tuple[str, ...]:
        """What it reads, under the suite's folder."""

    @property
    def overlaps(self) -> tuple[str, ...] | None:
        """Training sets that share its texts or its source, without their owners and in small
        letters: a model that was trained on one is not asked zero-shot. None where nobody looked.
        """

    @property
    def revision(self) -> str:
        """Which state of its data is asked, where that is not in `files`."""

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        """Read the files under `root`, embed their texts, and yield what was found."""


ByLanguage = dict[str, list[dict[str, str]]]
Read = Callable[[Path], ByLanguage]
Data = TypeVar("Data")


@dataclass(frozen=True)
class Local(Generic[Data]):
    """What all kinds have: a name, the files under the suite's folder, how they are read, which
    training sets share their texts, and what else a result depends on (see `Task`).
    """

    name: str
    files: tuple[str, ...]
    read: Callable[[Path], Data]
    overlaps: tuple[str, ...] | None = field(default=None, kw_only=True)
    revision: str = field(default="", kw_only=True)

    def languages(self, root: Path) -> list[str]:
        """Those of its files under `root`, which are read for it."""
        found = self.read(root)
        return sorted(found.queries if isinstance(found, Questions) else cast(ByLanguage, found))


@dataclass(frozen=True)
class Bitext(Local[ByLanguage]):
    """Rows of `english` and `text`; a language's first `pool` are searched."""

    pool: int = 1000
    kind: ClassVar[str] = "BitextMining"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        groups = self.read(root)
        for language in languages.among(groups):
            if language == ENGLISH:
                continue
            english, foreign = (
                [row[side] for row in groups[language][: self.pool]] for side in ("english", "text")
            )
            x, y = model.rows(foreign), model.rows(english)
            to, back, missed = bitext(x, y, foreign, english)
            yield Measured(self.name, language, "to English", to)
            yield Measured(self.name, language, "from English", back)
            yield Measured(self.name, language, "xsim error", missed)
            if anchor:
                yield Measured(
                    self.name,
                    language,
                    "to anchor",
                    bitext(x, anchor.rows(english), foreign, english)[0],
                )


@dataclass(frozen=True)
class Questions:
    """Questions and passages by language, rows of `id` and `text`, and each question's relevant
    passages by language and id.
    """

    queries: ByLanguage
    passages: ByLanguage
    relevant: Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Retrieval(Local[Questions]):
    """Pools: the passages in English and in the question's own language; `everywhere`: mAP among
    those of all languages.
    """

    everywhere: bool = False
    kind: ClassVar[str] = "Retrieval"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        found = self.read(root)
        for language in languages.among(found.queries):
            asked = [
                row for row in found.queries[language] if found.relevant[language].get(row["id"])
            ]
            questions = [row["text"] for row in asked]
            queries = model.rows(questions, "query")
            pools: tuple[tuple[str, str, Encoder | None], ...] = (
                ("English", ENGLISH, model),
                ("own", language, model),
                ("anchor", ENGLISH, anchor),
            )
            if set(found.passages) == {ENGLISH}:
                pools = (("", ENGLISH, model), ("anchor", ENGLISH, anchor))
            for pool, key, encoder in pools:
                if encoder and key in found.passages:
                    texts, candidates, targets = self._pool(found, asked, [key], encoder)
                    if not any(targets):  # a set whose answers are in other languages alone
                        continue
                    ranked = search_ranks(model, questions, queries, candidates, texts, targets)
                    for metric, of in (("nDCG@10", ndcg), ("recall@10", recall), ("MRR@10", mrr)):
                        yield Measured(self.name, language, f"{metric} {pool}".strip(), of(ranked))
            if self.everywhere:
                texts, candidates, targets = self._pool(found, asked, sorted(found.passages), model)
                ranked = search_ranks(model, questions, queries, candidates, texts, targets)
                yield Measured(self.name, language, "mAP all", mean_precision(ranked))

    def _pool(
        self,
        found: Questions,
        asked: Sequence[Mapping[str, str]],
        keys: Sequence[str],
        encoder: Encoder,
    ) -> tuple[list[str], CachedRows, list[list[int]]]:
        """The candidates of these languages, their vectors, and where among them each question's relevant
        ones stand.
        """
        number = {
            (key, row["id"]): i
            for i, (key, row) in enumerate((p, r) for p in keys for r in found.passages[p])
        }
        texts = [row["text"] for key in keys for row in found.passages[key]]
        targets = [
            [
                number[key, name]
                for key in keys
                for name in found.relevant.get(key, {}).get(row["id"], ())
            ]
            for row in asked
        ]
        return texts, encoder.rows(texts, "document"), targets


@dataclass(frozen=True)
class Similarity(Local[ByLanguage]):
    """Rows of `score`, `a` and `b`, and perhaps `part`, each of which is scored by itself."""

    kind: ClassVar[str] = "STS"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        groups = self.read(root)
        for language in languages.among(groups):
            parts = defaultdict(list)
            for row in groups[language]:
                parts[row.get("part", "")].append(row)
            for part, rows in sorted(parts.items()):
                gold = np.array([float(row["score"]) for row in rows])
                yield Measured(
                    self.name,
                    language,
                    f"spearman {part}".strip(),
                    cosines(model, rows),
                    gold,
                    "spearman",
                )


def cosines(model: Encoder, rows: Sequence[Mapping[str, str]]) -> npt.NDArray[np.float64]:
    """The cosine of each row's two sides."""
    first, second = (model([row[side] for row in rows]).astype(np.float64) for side in ("a", "b"))
    result: npt.NDArray[np.float64] = (first * second).sum(1)
    return result


@dataclass(frozen=True)
class PairClassification(Local[ByLanguage]):
    """Rows of `label` (1 or 0), `a` and `b`."""

    kind: ClassVar[str] = "PairClassification"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        groups = self.read(root)
        for language in languages.among(groups):
            gold = np.array([int(row["label"]) for row in groups[language]])
            two_classes(self.name, language, gold)
            yield Measured(
                self.name,
                language,
                "AP",
                cosines(model, groups[language]),
                gold,
                "average precision",
            )


@dataclass(frozen=True)
class Classification(Local[ByLanguage]):
    """Rows of `label`, `text` and `split`, taught on `train` (or `dev`, where a language has no
    more) and tested on `test`.
    """

    kind: ClassVar[str] = "Classification"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        groups = self.read(root)
        # Where there is no English each language is taught by itself alone.
        english = self._probe(model, ENGLISH, groups[ENGLISH]) if groups.get(ENGLISH) else None
        for language in languages.among(groups):
            test = [row for row in groups[language] if row["split"] == "test"]
            if not test:
                continue
            gold, vectors = (
                np.array([row["label"] for row in test]),
                model([row["text"] for row in test]),
            )
            own = (
                english
                if english and language == ENGLISH
                else self._probe(model, language, groups[language])
            )
            probes = [("", own)]
            if english and set(groups) != {ENGLISH}:
                probes = [("English", english), ("own", own)]
            for taught, probe in probes:
                yield Measured(
                    self.name,
                    language,
                    f"accuracy {taught}".strip(),
                    (probe(vectors) == gold).astype(np.float64),
                )

    def _probe(
        self, model: Encoder, language: str, rows: Sequence[Mapping[str, str]]
    ) -> Callable[[Vectors], npt.NDArray[Any]]:
        """A logistic regression on a language's vectors."""
        linear_model = _sklearn("linear_model")
        train = [row for row in rows if row["split"] == "train"] or [
            row for row in rows if row["split"] == "dev"
        ]
        labels = [row["label"] for row in train]
        two_classes(self.name, language, labels)
        probe = linear_model.LogisticRegression(C=10.0, max_iter=ROUNDS)
        vectors = model([row["text"] for row in train])
        return _alone(partial(probe.fit, vectors, labels)).predict  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Clustering(Local[ByLanguage]):
    """Rows of `label` and `text`."""

    kind: ClassVar[str] = "Clustering"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        cluster = _sklearn("cluster")
        groups = self.read(root)
        for language in languages.among(groups):
            names, gold = np.unique([row["label"] for row in groups[language]], return_inverse=True)
            two_classes(self.name, language, gold)
            means = cluster.KMeans(len(names), n_init=STARTS, random_state=SEED)
            vectors = model([row["text"] for row in groups[language]])
            found = _alone(partial(means.fit_predict, vectors))
            yield Measured(self.name, language, "V-measure", found, gold, "v-measure")


@dataclass(frozen=True)
class Reranking(Local[ByLanguage]):
    """Rows of `query`, `text` and `label` (1 or 0). A question whose answers are all right, or all
    wrong, asks nothing.
    """

    kind: ClassVar[str] = "Reranking"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        groups = self.read(root)
        for language in languages.among(groups):
            asked = defaultdict(list)
            for row in groups[language]:
                asked[row["query"]].append(row)
            model.rows(list(asked), "query")  # embedded together, then looked up
            model.rows([row["text"] for row in groups[language]], "document")
            values = []
            for query, rows in asked.items():
                right = [i for i, row in enumerate(rows) if row["label"] == "1"]
                if 0 < len(right) < len(rows):
                    texts = [row["text"] for row in rows]
                    question, answers = model.rows([query], "query"), model.rows(texts, "document")
                    ranked = search_ranks(model, [query], question, answers, texts, [right])
                    values.append(mean_precision(ranked)[0])
            yield Measured(self.name, language, "mAP", np.array(values))


@dataclass(frozen=True)
class Drift(Local[ByLanguage]):
    """English texts: how near the model's vectors are to the anchor's."""

    kind: ClassVar[str] = "Drift"

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        if anchor:
            texts = sorted({row["text"] for row in self.read(root)[ENGLISH]})
            yield Measured(
                self.name, ENGLISH, "cosine to anchor", (model(texts) * anchor(texts)).sum(1)
            )


def two_classes(task: str, language: str, labels: Sequence[Any] | npt.NDArray[Any]) -> None:
    """Raise LusiferError where there is nothing to tell apart."""
    if len(set(labels)) < 2:
        raise LusiferError(
            f"{task}, {language}: has {'one class' if len(labels) else 'no examples'}; two or more are needed"
        )


def _sklearn(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"sklearn.{module}")
    except ModuleNotFoundError:
        raise MissingExtra("scikit-learn", "eval") from None


def _alone(work: Callable[[], Any]) -> Any:
    """Run on one thread: on problems of this size several wait for each other, and take ten times
    as long.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work()
