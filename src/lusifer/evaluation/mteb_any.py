"""Any benchmark and any task of the installed mteb, by name.

`mteb_run` finds the tasks; `mteb_means` are what mteb's leaderboard shows: each task's score is the mean
over its splits and subsets, of a task made of others the mean over these; above them the mean over
tasks, and the mean over types of their means. A mean that lacks a task is marked.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluation.mteb_benchmark import Mean, mean_over
from lusifer.evaluation.tasks.mteb_whole import MtebTask
from lusifer.text import Languages

ANY = "mteb"  # as a benchmark's name: tasks by their own
SHOWN = 8


@dataclass(frozen=True)
class MtebRun:
    """Tasks to run, and those left out since they are not of texts."""

    tasks: tuple[MtebTask, ...]
    not_text: tuple[str, ...] = ()


def mteb_run(
    benchmark: str,
    names: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    copies: str = "",
) -> MtebRun:
    """The tasks of a benchmark.

    Args:
        benchmark: by mteb's name, e.g. `MTEB(fas, v1)`; `mteb` for tasks by their names alone.
        names: tasks or types of tasks (`STS`, `retrieval`); all without.
        languages: subsets in which these stand, e.g. `hi`, `hin_Deva`, pairs with them too; all without.
        copies: a folder of copies of the hub's data sets, FOLDER/OWNER/NAME.

    Returns:
        The tasks, in mteb's order.

    Raises:
        LusiferError: for a benchmark, task or language that mteb does not have.
        MissingExtra: without mteb.
    """
    try:
        import mteb
    except ModuleNotFoundError:
        raise MissingExtra("mteb", "eval") from None
    found: list[Any]
    if benchmark == ANY:
        if not names:
            raise LusiferError("--benchmark mteb takes tasks by name: --tasks STS22.v2,XNLI")
        found = [_task(mteb, name) for name in names]
    else:
        known = {one.name: one for one in mteb.get_benchmarks()}
        if benchmark not in known:
            raise LusiferError(_unknown("benchmark", benchmark, list(known)))
        found = _chosen(list(known[benchmark].tasks), names)
    limits = Languages.of(languages)
    found = list({task.metadata.name: task for task in found}.values())
    copies = str(Path(copies).absolute()) if copies else ""
    tasks = [part for task in found for part in _parts(task, limits, copies)]
    not_text = [t.metadata.name for t in found if "text" not in t.metadata.modalities or len(t.metadata.modalities) > 1]  # fmt: skip
    tasks = [t for t in tasks if t.dataset not in not_text and t.part_of not in not_text]
    if languages:
        limits.check(side for t in tasks for subset in t.subsets for side in t.language(subset).split("-"))  # fmt: skip
    if not tasks:
        raise LusiferError(f"{benchmark}: has no task of texts that was asked for")
    return MtebRun(tuple(tasks), tuple(not_text))


def mteb_means(tasks: Iterable[MtebTask], scores: Mapping[str, Sequence[float]]) -> list[Mean]:
    """The lines of a benchmark's table.

    Args:
        tasks: what was asked.
        scores: of a run's name, 0 to 1, of each split and subset; a task that could not be run has none.

    Returns:
        A line for each task, for each type, and the two means over them.
    """
    groups: dict[str, list[MtebTask]] = {}
    for task in tasks:
        groups.setdefault(task.part_of or task.dataset, []).append(task)
    rows, types = list[Mean](), dict[str, list[Mean]]()
    for name, parts in groups.items():
        found = [fmean(scores[part.name]) * 100 for part in parts if scores.get(part.name)]
        lacking = tuple(part.dataset for part in parts if not scores.get(part.name))
        row = Mean(name, fmean(found) if found else None, len(found), len(parts), lacking)
        rows.append(row)
        types.setdefault(parts[0].task_type, []).append(row)
    by_type = [mean_over(kind, of) for kind, of in types.items()]
    return [*rows, *by_type, mean_over("mean of tasks", rows), mean_over("mean of types", by_type)]


def _task(mteb: Any, name: str) -> Any:
    try:
        return mteb.get_task(name)
    except KeyError:
        every = [task.metadata.name for task in mteb.get_tasks()]
        raise LusiferError(_unknown("task", name, every)) from None


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    """The line for a name that mteb does not have: the nearest ones, or some of them."""
    lower = {one.lower(): one for one in known}
    near = [lower[n] for n in difflib.get_close_matches(name.lower(), lower, SHOWN, 0.5)]
    listed = near or list(known)[:SHOWN]
    return f"mteb has no {what} {name!r}; {'near it are' if near else 'there are'}: {', '.join(listed)}{'' if near else ', …'}"


def _chosen(tasks: list[Any], names: Sequence[str] | None) -> list[Any]:
    """The tasks of these names or types."""
    if not names:
        return tasks
    found = []
    for name in names:
        own = [
            t for t in tasks if name.lower() in (t.metadata.name.lower(), t.metadata.type.lower())
        ]
        if not own:
            kinds = ", ".join(dict.fromkeys(t.metadata.type for t in tasks))
            raise LusiferError(
                f"{_unknown('task', name, [t.metadata.name for t in tasks])}; or all of a type: {kinds}"
            )
        found += [task for task in own if task not in found]
    return found


def _parts(task: Any, limits: Languages, copies: str) -> list[MtebTask]:
    """A task as it is run: itself, or those that it is made of."""
    members = getattr(task, "tasks", None) or [task]
    name = task.metadata.name if members != [task] else ""
    made = []
    for one in members:
        whole = MtebTask(
            one.metadata.name, tuple(one.eval_splits), tuple(one.hf_subsets), name, copies, one
        )
        wanted = tuple(
            subset
            for subset in whole.subsets
            if any(side in limits for side in whole.language(subset).split("-"))
        )
        if wanted:
            made.append(MtebTask(whole.dataset, whole.splits, wanted, name, copies, one))
    return made
