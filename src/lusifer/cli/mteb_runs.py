"""The part of `lusifer evaluate` that any benchmark of mteb has: what it would run, fetching, the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from lusifer.cli.console import tables
from lusifer.errors import LusiferError
from lusifer.evaluation import Mean, MtebRun, mteb_means
from lusifer.io import Bars, plain_console

if TYPE_CHECKING:
    from lusifer.cli.runs import Run
    from lusifer.models import LoadedModel


def listing(asked: MtebRun) -> None:
    """Print each task, its type, splits and subsets."""
    result = Table()
    for name in ("task", "type", "splits", "main score"):
        result.add_column(name, overflow="fold")
    result.add_column("subsets", justify="right")
    for task in asked.tasks:
        splits = ", ".join(task.splits)
        result.add_row(task.name, task.task_type, splits, task.main_score, str(len(task.subsets)))
    tables().print(result)
    _tell_left_out(asked)


def fetch(asked: MtebRun) -> None:
    """Fetch the data of all tasks; those that cannot be had are named, and fetched by the next try."""
    failed = []
    with Bars(transient=True) as bars:
        line = bars.add_task("fetching", total=len(asked.tasks))
        for task in asked.tasks:
            try:
                task.fetch()
            except LusiferError as error:
                failed.append(str(error))
            bars.advance(line)
    note = plain_console(stderr=True)
    for what in failed:
        note.print(what, style="yellow", highlight=False)
    if failed:
        raise LusiferError(
            f"{len(failed)} of {len(asked.tasks)} tasks could not be fetched; the reasons are above"
        )
    tables().print(
        f"{len(asked.tasks)} tasks are in the cache of the hub's data sets", highlight=False
    )


def score(models: dict[str, LoadedModel], asked: MtebRun, run: Run, into: str) -> None:
    """Run the tasks for each model, and print tasks and means against models."""
    from lusifer.cli.runs import warn_of_prompts
    from lusifer.evaluation import declared, zero_shot

    columns: dict[str, list[Mean]] = {}
    note = plain_console(stderr=True)
    _tell_left_out(asked)
    for name, model in models.items():
        warn_of_prompts(name, model)
        outcomes, failed = run(model, asked.tasks)
        columns[name] = mteb_means(
            asked.tasks, {o.task: [s.value for s in o.scores] for o in outcomes}
        )
        seen = sorted({t.dataset for t in asked.tasks if zero_shot(declared(model), t) is False})
        if seen:
            note.print(
                f"{name} was trained on {', '.join(seen)}: these scores are not zero-shot.",
                highlight=False,
            )
        for what in failed.values():
            note.print(f"{name}: {what}", style="yellow", highlight=False)
    if all(row.points is None for column in columns.values() for row in column):
        raise LusiferError("none of these tasks could be run; the reasons are above")
    result = Table()
    result.add_column("task")
    for name in columns:
        result.add_column(name, justify="right")
    for rows in zip(*columns.values(), strict=True):
        result.add_row(rows[0].name, *map(points, rows))
    tables().print(result)
    note.print(
        f"In points, mteb's main scores. Sets that could not be run are told by (done/all). "
        f"All is kept in {into}; in mteb's own format in each model's folder mteb.",
        highlight=False,
    )


def _tell_left_out(asked: MtebRun) -> None:
    left = asked.not_text
    if left:
        named = ", ".join(left[:5]) + (", …" if len(left) > 5 else "")
        plain_console(stderr=True).print(
            f"{len(left)} tasks left out, which are not of texts alone: {named}", highlight=False
        )


def points(mean: Mean) -> str:
    """A mean, marked where it lacks a task."""
    if mean.points is None:
        return f"– (0/{mean.of})"
    return f"{mean.points:.2f}" + ("" if not mean.lacking else f" ({mean.done}/{mean.of})")
