"""Models side by side: means over the languages that all have, intervals, shared ranks.

Method: a row is a task and a metric, with the mean over languages, or one language of them. Each
pair of models is tested on the same examples (`significance`), p corrected over all pairs and rows
of the table; models that are not told apart share a rank. A mean over languages is of those that
every model has; those that one lacks are named, never silently left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lusifer.evaluation.outcomes import Outcome
from lusifer.evaluation.scores import LOWER, Measured
from lusifer.evaluation.significance import LEVEL, holm, p_value, shared_ranks
from lusifer.text import TATOEBA_36

Key = tuple[str, str]
Found = dict[Key, dict[str, Measured]]


@dataclass(frozen=True)
class Cell:
    """A model's figure in a row, 95 % of its resamples, and its rank among the row's models."""

    value: float
    low: float
    high: float
    rank: int


@dataclass(frozen=True)
class ComparisonRow:
    """One line of a comparison. `languages` are those behind the mean; `lacking` those that not
    every model has.
    """

    task: str
    metric: str
    which: str
    languages: tuple[str, ...]
    examples: int
    cells: tuple[Cell, ...]
    lacking: tuple[str, ...] = ()


def compare(
    models: Mapping[str, Sequence[Outcome]], *, by_language: bool = False
) -> list[ComparisonRow]:
    """A row for each task and metric that every model has, measured by the same files and anchor;
    `by_language` gives one for each language of them instead. `missing_scores` names the others.
    """
    apart = measured_apart(models)
    found = [
        {key: of for key, of in _measured(outcomes).items() if key not in apart}
        for outcomes in models.values()
    ]
    groups = []
    for key in found[0]:
        if all(key in f for f in found):
            every = [
                language for language in found[0][key] if all(language in f[key] for f in found)
            ]
            lack = tuple(sorted({language for f in found for language in f[key]} - set(every)))
            for which, some in _which(key[0], every, by_language):
                groups.append(
                    (key, which, tuple(some), lack, [[f[key][x] for x in some] for f in found])
                )
    pairs = list(combinations(range(len(found)), 2))
    raw = [p_value(columns[a], columns[b]) for *_, columns in groups for a, b in pairs]
    corrected = iter(holm(raw))
    rows = []
    for (task, metric), which, shared, lacking, columns in groups:
        p = {pair: next(corrected) for pair in pairs}
        values = [float(np.mean([m.value() for m in column])) for column in columns]
        order = [-v if metric in LOWER else v for v in values]
        ranks = shared_ranks(order, lambda i, j, p=p: p[min(i, j), max(i, j)] < LEVEL)  # type: ignore[misc]
        examples = sum(len(m.values) for m in columns[0])
        cells = tuple(
            Cell(v, *interval(column), rank)
            for v, column, rank in zip(values, columns, ranks, strict=True)
        )
        rows.append(ComparisonRow(task, metric, which, shared, examples, cells, lacking))
    return rows


def interval(column: Sequence[Measured]) -> tuple[float, float]:
    """Where 95 % of the resamples of a mean over languages lie; sets of equal size are drawn alike."""
    low, high = np.quantile(np.mean([m.draws() for m in column], axis=0), [0.025, 0.975])
    return float(low), float(high)


def missing_scores(models: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """What not every model has been asked: lines for a reader."""
    found = {name: set(_measured(outcomes)) for name, outcomes in models.items()}
    every = set.union(*found.values())
    lacking = [
        f"{name} has no {task} {metric}"
        for name, keys in found.items()
        for task, metric in sorted(every - keys)
    ]
    return lacking + [
        f"{task} {metric} is not compared: its results were made with different {what}"
        for (task, metric), what in sorted(measured_apart(models).items())
    ]


def measured_apart(models: Mapping[str, Sequence[Outcome]]) -> dict[Key, str]:
    """The tasks and metrics that models were asked on different data files, or with another anchor,
    and which of the two it is.
    """
    data: dict[Key, set[str]] = {}
    anchors: dict[Key, set[str]] = {}
    for outcome in (outcome for outcomes in models.values() for outcome in outcomes):
        for key in {(m.task, m.metric) for m in outcome.measured}:
            data.setdefault(key, set()).add(outcome.data)
            if "anchor" in key[1]:
                anchors.setdefault(key, set()).add(outcome.anchor)
    apart = {key: "anchors" for key, found in anchors.items() if len(found - {""}) > 1}
    return apart | {key: "data files" for key, found in data.items() if len(found - {""}) > 1}


def _measured(outcomes: Iterable[Outcome]) -> Found:
    found: Found = {}
    for outcome in outcomes:
        for m in outcome.measured:
            found.setdefault((m.task, m.metric), {})[m.language] = m
    return found


def _which(task: str, languages: Sequence[str], by_language: bool) -> list[tuple[str, list[str]]]:
    """The rows of a task: each language, or all together, and of Tatoeba the usual 36 by
    themselves.
    """
    if by_language:
        return [(language, [language]) for language in languages]
    rows = [(languages[0] if len(languages) == 1 else "all", list(languages))] if languages else []
    some = [language for language in languages if language in TATOEBA_36]
    return [("36", some), *rows] if task == "tatoeba" and 1 < len(some) < len(languages) else rows
