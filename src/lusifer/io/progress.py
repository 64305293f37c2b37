"""How far long work is: bars on a terminal, and a line a minute where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from lusifer.io.console import plain_console

MINUTE = 60.0  # seconds between two lines
T = TypeVar("T")


class Bars(Progress):
    """rich's progress on standard error, which says a plain line a minute without a terminal.

    Of a task's fields `unit` says what is counted, and `what` ends the line: figures, or what was
    just done.
    """

    def __init__(self, *columns: str | ProgressColumn, transient: bool = False) -> None:
        console = plain_console(stderr=True)
        usual = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        super().__init__(
            *(columns or usual),
            console=console,
            disable=not console.is_terminal,
            transient=transient,
        )
        self._said = time.monotonic()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As rich's; see there."""
        super().update(task_id, **changes)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As rich's; see there."""
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        now = time.monotonic()
        if self.console.is_terminal or now - self._said < MINUTE:
            return
        self._said = now
        task = self._tasks[task_id]
        done = f"{task.completed:,.0f}" + (f" of {task.total:,.0f}" if task.total else "")
        done = f"{done} {task.fields.get('unit', '')}".rstrip()
        line = ", ".join(part for part in (done, str(task.fields.get("what", ""))) if part)
        self.console.print(f"{task.description}: {line}", highlight=False, soft_wrap=True)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """The items, one by one, with a bar or a line a minute.

    Args:
        items: what is worked through.
        description: begins the line.
        total: how many there are, where `items` does not know.

    Returns:
        The items.
    """
    size = total if total is not None else len(items) if isinstance(items, Sized) else None
    with Bars() as bars:
        task = bars.add_task(description, total=size)
        for item in items:
            yield item
            bars.advance(task)
