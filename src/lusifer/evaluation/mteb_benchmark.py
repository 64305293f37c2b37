"""The benchmark of LUSIFER's paper: 14 languages, five tasks, and the pairs of different languages;
what is in it is in benchmark.yaml.

Score: a language's is the plain mean over its data sets, as in the paper; beside it the mean over
tasks of their means, and over all the mean over languages. A set that could not be run is named,
and a mean without it is marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean

from lusifer import config
from lusifer.errors import LusiferError
from lusifer.evaluation.tasks.mteb_tasks import CROSSLINGUAL, MtebSet

FILE = Path(__file__).with_name("benchmark.yaml")
BENCHMARKS = ("lusifer", "mebench")  # the second is what summaries of the paper call it
TASKS = ("classification", "clustering", "reranking", "retrieval", "sts")


@dataclass(frozen=True)
class Scored:
    """Which split of a set is scored, and by what."""

    split: str
    main_score: str
    subset: str | None = None  # where mteb's languages do not tell the parts apart


@dataclass(frozen=True)
class Benchmark:
    """What benchmark.yaml holds."""

    name: str
    codes: dict[str, tuple[str, ...]]
    languages: dict[str, dict[str, tuple[str, ...]]]
    crosslingual: tuple[str, ...]
    sets: dict[str, Scored]
    published: dict[str, dict[str, float]] = field(default_factory=dict)
    published_mean: dict[str, float] = field(default_factory=dict)


@cache
def benchmark() -> Benchmark:
    """The benchmark, read once."""
    return config.load(Benchmark, str(FILE))


@dataclass(frozen=True)
class BenchmarkSet:
    """Where in the benchmark a set is run."""

    language: str
    task: str
    run: MtebSet


def benchmark_sets(
    languages: Sequence[str] | None = None, tasks: Sequence[str] | None = None
) -> list[BenchmarkSet]:
    """The sets of these languages (`hi`, or `crosslingual`) and tasks, all without.

    Raises LusiferError for a language or a task that the benchmark does not have.
    """
    book = benchmark()
    known = (*book.languages, CROSSLINGUAL)
    for asked, names, what in ((languages, known, "language"), (tasks, TASKS, "task")):
        for name in asked or ():
            if name not in names:
                raise LusiferError(
                    f"the benchmark has no {what} {name!r}; there are: {', '.join(names)}"
                )
    found = [
        BenchmarkSet(language, task, _set(book, name, language))
        for language, by_task in book.languages.items()
        if not languages or language in languages
        for task, names in by_task.items()
        if not tasks or task in tasks
        for name in names
    ]
    if (not languages or CROSSLINGUAL in languages) and not tasks:
        found += [
            BenchmarkSet(CROSSLINGUAL, CROSSLINGUAL, _set(book, name, CROSSLINGUAL))
            for name in book.crosslingual
        ]
    if not found:
        raise LusiferError(
            f"the benchmark has no {' or '.join(tasks or ())} in {', '.join(languages or ())}"
        )
    return found


def _set(book: Benchmark, name: str, language: str) -> MtebSet:
    codes = (
        book.codes[language]
        if language != CROSSLINGUAL
        else tuple(code for codes in book.codes.values() for code in codes)
    )
    scored = book.sets[name]
    return MtebSet(name, language, codes, scored.split, scored.main_score, scored.subset)


@dataclass(frozen=True)
class Mean:
    """A mean of the benchmark, in points, of `done` sets out of `of`; `lacking` are those that
    could not be run.
    """

    name: str
    points: float | None
    done: int
    of: int
    lacking: tuple[str, ...] = ()


def means(asked: Iterable[BenchmarkSet], scores: Mapping[str, float]) -> list[Mean]:
    """Each language's mean, then over all of them: by sets, by tasks, by languages. `scores` are by
    the set's run, 0 to 1.
    """
    asked = list(asked)
    rows = [
        _mean(language, [p for p in asked if p.language == language], scores)
        for language in dict.fromkeys(p.language for p in asked)
    ]
    single = [p for p in asked if p.language != CROSSLINGUAL]
    if len(rows) > 1 and single:
        rows.append(_mean("all sets", single, scores))
        by_task = [
            _mean(task, [p for p in single if p.task == task], scores)
            for task in dict.fromkeys(p.task for p in single)
        ]
        rows += by_task
        rows.append(mean_over("mean of tasks", by_task))
        rows.append(
            mean_over(
                "mean of languages", [row for row in rows if row.name in benchmark().languages]
            )
        )
    return rows


def _mean(name: str, asked: Sequence[BenchmarkSet], scores: Mapping[str, float]) -> Mean:
    found = [100 * scores[p.run.name] for p in asked if p.run.name in scores]
    lacking = tuple(p.run.dataset for p in asked if p.run.name not in scores)
    return Mean(name, fmean(found) if found else None, len(found), len(asked), lacking)


def mean_over(name: str, parts: Sequence[Mean]) -> Mean:
    """The mean of means that are known, of all that there are, and what these lack."""
    points = [part.points for part in parts if part.points is not None]
    lacking = tuple(dict.fromkeys(name for part in parts for name in part.lacking))
    return Mean(name, fmean(points) if points else None, len(points), len(parts), lacking)
