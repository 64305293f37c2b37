"""The benchmark's part of `lusifer evaluate`: what would be fetched, and the table of languages."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

from lusifer.cli.console import tables
from lusifer.cli.mteb_runs import points
from lusifer.errors import LusiferError
from lusifer.evaluation import BenchmarkSet, Mean, benchmark, means
from lusifer.io import plain_console

if TYPE_CHECKING:
    from lusifer.cli.runs import Run
    from lusifer.models import LoadedModel


def listing(entries: Sequence[BenchmarkSet]) -> None:
    """Print each data set, its language, examples and size."""
    result = Table()
    for name in ("language", "task", "data set", "main score"):
        result.add_column(name, overflow="fold")
    for name in ("examples", "MB of text"):
        result.add_column(name, justify="right")
    sets: dict[str, float] = {}
    for entry in entries:
        examples, characters = entry.run.size()
        size = f"{characters / 1e6:,.1f}" if characters else "?"
        parts = entry.run.subsets()
        part = parts[0] if len(parts) == 1 else f"{len(parts)} pairs"
        row = (
            entry.language,
            entry.task,
            f"{entry.run.dataset} {entry.run.split} {part}",
            entry.run.main_score,
        )
        result.add_row(*row, f"{examples:,}" if examples else "?", size)
        sets[entry.run.name] = (characters or 0) / 1e6
    out = tables()
    out.print(result)
    out.print(
        f"{len(sets)} runs on {len({p.run.dataset for p in entries})} data sets, some {sum(sets.values()):,.0f} million characters."
    )


def score(
    models: dict[str, LoadedModel], entries: Sequence[BenchmarkSet], run: Run, into: str
) -> None:
    """Run the sets for each model, and print languages against models, published figures beside
    them.
    """
    from lusifer.cli.runs import warn_of_prompts
    from lusifer.evaluation import declared, zero_shot

    columns: dict[str, list[Mean]] = {}
    note = plain_console(stderr=True)
    for name, model in models.items():
        warn_of_prompts(name, model)
        outcomes, failed = run(model, [entry.run for entry in entries])
        scores = {o.task: fmean(s.value for s in o.scores) for o in outcomes}
        columns[name] = means(entries, scores)
        trained_on = declared(model)
        seen = sorted({p.run.dataset for p in entries if zero_shot(trained_on, p.run) is False})
        if trained_on is None:
            note.print(
                f"{name} does not say what it was trained on: whether its scores are zero-shot is not known.",
                highlight=False,
            )
        elif seen:
            note.print(
                f"{name} was trained on {', '.join(seen)}: these scores are not zero-shot.",
                highlight=False,
            )
        for what in failed.values():
            note.print(f"{name}: {what}", style="yellow", highlight=False)
    if all(row.points is None for column in columns.values() for row in column):
        raise LusiferError("none of these data sets could be run; the reasons are above")
    tables().print(_table(columns, whole=len({p.task for p in entries}) > 1))
    note.print(
        f"In points. Sets that could not be run are told by (done/all). All is kept in {into}.",
        highlight=False,
    )


def _table(columns: dict[str, list[Mean]], *, whole: bool) -> Table:
    """A line a language and mean; the paper's published rows where all of its tasks are asked for."""
    book = benchmark()
    published = book.published if whole else {}
    result = Table()
    result.add_column("language")
    result.add_column("sets", justify="right")
    for name in columns:
        result.add_column(name, justify="right")
    for name in published:
        result.add_column(f"{name} (published)", justify="right")
    for rows in zip(*columns.values(), strict=True):
        beside = (values.get(rows[0].name) for values in published.values())
        if rows[0].name == "mean of languages":
            beside = (book.published_mean.get(name) for name in published)
        result.add_row(
            rows[0].name,
            str(rows[0].of),
            *map(points, rows),
            *(f"{value:.2f}" if value else "" for value in beside),
        )
    return result
