"""A file of the user's own as a task: its kind says which columns it has and what is asked.

| kind | columns |
|---|---|
| `bitext` | `english`, `text` |
| `retrieval` | `query`, `document`: each row's document answers its query; all documents are searched |
| `sts` | `a`, `b`, `score` |
| `pairclassification` | `a`, `b`, `label` (1 or 0) |
| `classification` | `text`, `label`, perhaps `split` (train, dev, test) |
| `clustering` | `text`, `label` |
| `reranking` | `query`, `text`, `label` (1 or 0) |

A column `language` tells rows apart, e.g. `deu_Latn`; without one all are of the language named. Where
rows have no split a fifth of them, chosen by a hash of the text, is tested on. Cost: the file in memory.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lusifer.data import Problem, format_of, scan_rows
from lusifer.errors import DataError, LusiferError
from lusifer.evaluation.tasks.kinds import (
    Bitext,
    ByLanguage,
    Classification,
    Clustering,
    PairClassification,
    Questions,
    Reranking,
    Retrieval,
    Similarity,
    Task,
)
from lusifer.text import ENGLISH, Languages, code_of

NUMBERS = ("score", "label")  # columns that a JSON file may write as numbers
EVERYWHERE = ""  # the language of documents that are searched in all
TESTED = 5  # of so many rows without a split one is tested on


def _number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@dataclass(frozen=True)
class SetKind:
    """The columns of a kind of set, and what two of them may hold."""

    task: Callable[..., Task]
    columns: tuple[str, ...]
    checks: Mapping[str, tuple[Callable[[str], bool], str]]


ONE_OR_NOT = {"label": (lambda text: text in ("0", "1"), "1 or 0")}
SPLIT = {"split": (lambda text: text in ("train", "dev", "test"), "train, dev or test")}
KINDS: dict[str, SetKind] = {
    "bitext": SetKind(Bitext, ("english", "text"), {}),
    "retrieval": SetKind(Retrieval, ("query", "document"), {}),
    "sts": SetKind(Similarity, ("a", "b", "score"), {"score": (_number, "a number")}),
    "pairclassification": SetKind(PairClassification, ("a", "b", "label"), ONE_OR_NOT),
    "classification": SetKind(Classification, ("text", "label"), SPLIT),
    "clustering": SetKind(Clustering, ("text", "label"), {}),
    "reranking": SetKind(Reranking, ("query", "text", "label"), ONE_OR_NOT),
}


def task_from_file(
    file: str | Path,
    kind: str,
    *,
    columns: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    language: str = ENGLISH,
    corpus: str | Path | None = None,
) -> Task:
    """A task that asks of a model what a file of your own holds.

    Args:
        file: TSV, CSV, JSONL or Parquet; for its columns see the head of `lusifer.evaluation.own_set`.
        kind: bitext, retrieval, sts, pairclassification, classification, clustering or reranking.
        columns: a TSV's columns in order; '_' skips one.
        rename: the file's names of columns, and the ones meant.
        language: of rows without a column `language`, e.g. `hi` or `hin_Deva`.
        corpus: of retrieval, a file of more documents to search: a line each of a text or TSV file, a column
            `document` or `text` of others.

    Returns:
        The task, for `lusifer.evaluate`; its name is the file's and the kind.

    Raises:
        LusiferError: for a kind or a language that there is not, or a corpus beside another kind.
        DataError: when it is read: for a file or line that is not as its kind wants it.
    """
    if kind not in KINDS:
        raise LusiferError(f"no kind of set is called {kind!r}; there are: {', '.join(KINDS)}")
    if corpus is not None and kind != "retrieval":
        raise LusiferError(f"a corpus is searched by retrieval; the kind is {kind}")
    Languages.of([language])  # which tells what is no code
    named = code_of(language)
    path = Path(file)
    about = _File(str(path.absolute()), kind, tuple(columns), dict(rename or {}), named)
    stem = re.sub(r"(\.(gz|xz|bz2|zst))?$", "", path.name).rpartition(".")[0] or path.name
    name = re.sub(r"[^\w-]+", "-", stem) + f"-{kind}"
    files = [str(path.absolute()), *([str(Path(corpus).absolute())] if corpus else [])]
    read: Any = _reader(about, str(Path(corpus).absolute()) if corpus else None)
    how = json.dumps([about.columns, about.rename, named])
    more = {"pool": 10**9} if kind == "bitext" else {}  # all of the user's rows are searched
    return KINDS[kind].task(name, tuple(files), read, revision=how, **more)


@dataclass
class _File:
    """A file, and how it is read."""

    path: str
    kind: str
    columns: tuple[str, ...]
    rename: dict[str, str]
    language: str

    def rows(self, wanted: Sequence[str] | None = None) -> ByLanguage:
        """Rows by language, checked."""
        kind = KINDS[self.kind]
        wanted = wanted or kind.columns
        found: ByLanguage = defaultdict(list)
        before = {new: old for old, new in self.rename.items()}
        numbers = [before.get(name, name) for name in NUMBERS]
        for row in scan_rows(self.path, list(self.columns) or None, numbers):
            if isinstance(row, Problem):
                raise DataError(row.path, row.line, row.what)
            values = {
                self.rename.get(name, name): text.strip() for name, text in row.values.items()
            }
            for name in wanted:
                if name not in values:
                    raise DataError(
                        row.path,
                        row.line,
                        f"has no column {name!r}, which {self.kind} wants; its columns are "
                        f"{', '.join(values)} (--columns names a TSV's, --rename OLD=NEW others)",
                    )
                if not values[name]:
                    raise DataError(row.path, row.line, f"its column {name!r} is empty")
            for name, (good, right) in kind.checks.items():
                if name in values and not good(values[name]):
                    raise DataError(
                        row.path,
                        row.line,
                        f"its {name} is {values[name][:40]!r}; it must be {right}",
                    )
            code = values.get("language")
            found[code_of(code) if code else self.language].append(values)
        if not found:
            raise DataError(self.path, None, "the file is empty")
        return dict(found)


def _reader(about: _File, corpus: str | None) -> Callable[[Path], Any]:
    """A reader for the kind, which reads once however often it is asked."""

    @cache
    def read() -> Any:
        groups = about.rows()
        if about.kind == "retrieval":
            return questions(groups, _corpus(corpus, about) if corpus else {})
        if about.kind == "bitext" and set(groups) == {ENGLISH}:
            raise LusiferError(
                f"{about.path}: all of its rows are English; name the language of the translations "
                "(--set-language), or give it a column language"
            )
        if about.kind == "classification":
            rows = [row for found in groups.values() for row in found]
            for row in rows:
                row.setdefault("split", "test" if _drawn(row["text"]) else "train")
            if not any(row["split"] == "test" for row in rows):
                raise LusiferError(
                    f"{about.path}: has no row to test on; give it more rows, or a column split"
                )
        return groups

    return lambda root: read()


def _corpus(path: str, about: _File) -> ByLanguage:
    """More documents: a line each of a text or TSV file, a column `document` or `text` of others; those
    whose language is not told are searched in all.
    """
    columns = () if format_of(path).named or format_of(path).column else ("document",)
    rename = {"text": "document", "line": "document", **about.rename}
    return _File(path, about.kind, columns, rename, EVERYWHERE).rows(["document"])


def questions(rows: ByLanguage, more: ByLanguage) -> Questions:
    """Rows of a query and a document as what a search is asked.

    Args:
        rows: by language; a query that stands in several has several right documents.
        more: rows of further documents, by language.

    Returns:
        The distinct queries and documents, and which answer which.
    """
    queries: ByLanguage = {}
    passages: ByLanguage = {}
    relevant: dict[str, dict[str, list[str]]] = {}
    for language, found in rows.items():
        number: dict[str, str] = {}
        for row in [*found, *more.get(language, []), *more.get(EVERYWHERE, [])]:
            number.setdefault(row["document"], f"{language} {len(number)}")
        answers: dict[str, list[str]] = {}
        for row in found:
            own = answers.setdefault(row["query"], [])
            if number[row["document"]] not in own:
                own.append(number[row["document"]])
        passages[language] = [{"id": i, "text": text} for text, i in number.items()]
        # A question of one language is none of another's with the same number.
        queries[language] = [
            {"id": f"{language} {i}", "text": text} for i, text in enumerate(answers)
        ]
        relevant[language] = {f"{language} {i}": own for i, own in enumerate(answers.values())}
    for language in more.keys() - rows.keys() - {EVERYWHERE}:
        distinct = dict.fromkeys(row["document"] for row in more[language])
        passages[language] = [{"id": str(i), "text": text} for i, text in enumerate(distinct)]
    return Questions(queries, passages, relevant)


def _drawn(text: str) -> bool:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % TESTED == 0
