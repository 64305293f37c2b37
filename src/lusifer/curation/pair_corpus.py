"""All queries and passages of a set of pairs, each once and on disk, their vectors, and which
passages are right for which query.

Two queries that a reader takes for one (`lusifer.text.comparable`) share what is right for them, and
so do two passages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lusifer.curation.report import CurationReport
from lusifer.curation.text_file import Texts
from lusifer.data import Row
from lusifer.encoding import CachedRows, Encoder, Ints, Tell
from lusifer.io import fingerprint
from lusifer.models import LoadedModel, Vectors
from lusifer.text import comparable

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
        self._alike: dict[bytes, int] = {}
        self._groups: tuple[list[int], list[int]] = ([], [])

    def fill(self, rows: Iterable[Row], corpus: Iterable[Row], report: CurationReport) -> None:
        """Take in all pairs and further passages."""
        languages: dict[int, int] = {}
        pairs: dict[tuple[int, int], int] = {}
        taken: list[int] = []
        for row in rows:
            query, document = (
                self._add(self.queries, row.values["query"]),
                self._add(self.passages, row.values["document"]),
            )
            languages.setdefault(document, self._language(row))
            if (query, document) in pairs:
                report.drop(REPEATED)
                taken.append(-1)
            else:
                taken.append(pairs.setdefault((query, document), len(pairs)))
        for row in corpus:
            if text := row.values["document"].strip():
                languages.setdefault(self._add(self.passages, text), self._language(row))
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
        asked, self.kind = (np.array(groups, dtype=np.int64) for groups in self._groups)
        by_group = np.unique(np.stack([asked[found[:, 0]], self.kind[found[:, 1]]], 1), axis=0)
        self.asked, self.right_kinds = asked, by_group[:, 1]
        self.group_begins = np.searchsorted(by_group[:, 0], np.arange(len(self._alike) + 1))
        kinds = np.bincount(self.kind, minlength=len(self._alike))
        right = np.bincount(by_group[:, 0], weights=kinds[by_group[:, 1]])
        self.most = int(right.max(initial=0))
        self._alike.clear()
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

    def _add(self, texts: Texts, text: str) -> int:
        """The text's number, and, for a new one, the group of those that are the same to a reader."""
        number = texts.add(text)
        groups = self._groups[texts is self.passages]
        if number == len(groups):
            raw = comparable(text).encode("utf-8", "surrogatepass")
            key = blake2b(raw, digest_size=12).digest()
            groups.append(self._alike.setdefault(key, len(self._alike)))
        return number

    def is_right(self, query: int, passages: Ints) -> npt.NDArray[np.bool_]:
        """Which of some passages are right for a query, or for one that is the same to a reader."""
        group = self.asked[query]
        right = self.right_kinds[self.group_begins[group] : self.group_begins[group + 1]]
        return np.isin(self.kind[passages], right)

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
