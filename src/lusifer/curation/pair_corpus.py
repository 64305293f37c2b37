"""All queries and passages of a set of pairs, each once and on disk, their vectors, and which
passages are right for which query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np

from lusifer.curation.report import CurationReport
from lusifer.curation.text_file import Texts
from lusifer.data import Row
from lusifer.encoding import CachedRows, Encoder, Ints, Tell
from lusifer.io import fingerprint
from lusifer.models import LoadedModel, Vectors

Told = Callable[[str], Tell]


def silent(what: str) -> Tell:
    """Progress that nobody is told."""
    return lambda done, total: None


REPEATED = "the same pair once more"


class PairCorpus:
    """All distinct queries and passages, on disk, and which passages are right for which query."""

    def __init__(self, aside: Path) -> None:
        self.queries, self.passages = Texts(aside / "queries"), Texts(aside / "passages")
        self.names: dict[str, int] = {}

    def fill(self, rows: Iterable[Row], corpus: Iterable[Row], report: CurationReport) -> None:
        """Take in all pairs and further passages."""
        languages: dict[int, int] = {}
        pairs: dict[tuple[int, int], int] = {}
        taken: list[int] = []
        for row in rows:
            query, document = (
                self.queries.add(row.values["query"]),
                self.passages.add(row.values["document"]),
            )
            languages.setdefault(document, self._language(row))
            if (query, document) in pairs:
                report.drop(REPEATED)
                taken.append(-1)
            else:
                taken.append(pairs.setdefault((query, document), len(pairs)))
        for row in corpus:
            if text := row.values["document"].strip():
                languages.setdefault(self.passages.add(text), self._language(row))
        found = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
        order = np.argsort(found[:, 0], kind="stable")
        found = found[order]
        position = np.empty(len(order) + 1, dtype=np.int64)
        position[order], position[-1] = np.arange(len(order)), -1
        self.numbers = position[
            np.array(taken, dtype=np.int64)
        ].tolist()  # of the rows as they came; -1: there already
        self.positives = found[:, 1]
        self.begins = np.searchsorted(found[:, 0], np.arange(len(self.queries) + 1))
        self.most = int(np.diff(self.begins).max(initial=0))
        self.languages = np.fromiter(
            (languages[i] for i in range(len(self.passages))),
            dtype=np.int32,
            count=len(self.passages),
        )
        self.own = self.queries.places_in(self.passages)
        arrays = blake2b(found.tobytes() + self.languages.tobytes()).hexdigest()
        self.hash = fingerprint(self.queries.settle() + self.passages.settle(), [arrays])

    def _language(self, row: Row) -> int:
        return self.names.setdefault(row.values.get("language", ""), len(self.names))

    def of(self, query: int) -> Ints:
        """A query's right passages."""
        return self.positives[self.begins[query] : self.begins[query + 1]]

    def close(self) -> None:
        """Delete the files."""
        self.queries.close()
        self.passages.close()


class EmbeddedPairs:
    """A pool's vectors by a model, kept in `folder` under the model's hash: an interrupted run
    embeds no text twice.
    """

    def __init__(self, pool: PairCorpus, model: LoadedModel, folder: Path, tell: Told) -> None:
        self.pool, folder = pool, folder / f"vectors-{fingerprint(model.hash, [])[:8]}"
        self.queries = encode(
            "queries", pool.queries, model, folder, tell("embedding queries"), prompt="query"
        )
        self.passages = encode(
            "passages", pool.passages, model, folder, tell("embedding passages"), prompt="document"
        )
        self.in_order, self.order = (
            self.passages.in_file_order()
        )  # they are read over and over, which is fastest so

    def positives(self, query: int) -> Vectors:
        """Scores of a query's right passages."""
        found: Vectors = (
            self.passages.at(self.pool.of(query))[:] @ self.queries[query : query + 1][0]
        )
        return found


def encode(
    name: str, texts: Texts, model: LoadedModel, folder: Path, tell: Tell, prompt: str
) -> CachedRows:
    """Rows of vectors of the texts, as they are kept in the folder `name` of `folder`."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell(done, len(texts))

    return Encoder(model.embedder, folder / name, count).rows(texts, prompt)
