"""Scores as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from lusifer.evaluate.local import TATOEBA_36
from lusifer.evaluate.scores import Score


def table(scores: Sequence[Score]) -> Table:
    """Every score by task and language, with its interval and number of examples."""
    result = Table(title="scores")
    for name in ("task", "language", "metric"):
        result.add_column(name)
    for name in ("value", "95 % interval", "n"):
        result.add_column(name, justify="right")
    for s in scores:
        result.add_row(s.task, s.language, s.metric, f"{s.value:.3f}", f"{s.low:.3f} to {s.high:.3f}", str(s.n))
    return result


def means(scores: Sequence[Score]) -> list[tuple[str, str, str, float, int]]:
    """(task, which languages, metric, plain mean over them, how many) for each task and metric."""
    rows = []
    for task, metric in dict.fromkeys((s.task, s.metric) for s in scores):
        mine = [s for s in scores if (s.task, s.metric) == (task, metric)]
        groups = {"all": mine}
        if task == "tatoeba":
            groups = {"36": [s for s in mine if s.language in TATOEBA_36], "all": mine}
        for which, group in groups.items():
            if group:
                rows.append((task, which, metric, sum(s.value for s in group) / len(group), len(group)))
    return rows


def summary(scores: Sequence[Score]) -> Table:
    """Plain means over languages."""
    result = Table(title="means over languages")
    for name in ("task", "languages", "metric"):
        result.add_column(name)
    for name in ("mean", "n"):
        result.add_column(name, justify="right")
    for task, which, metric, value, n in means(scores):
        result.add_row(task, which, metric, f"{value:.3f}", str(n))
    return result
