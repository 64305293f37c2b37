"""A progress line for a training phase: steps, loss, rate, time left; plain lines where there is no
terminal.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import transformers
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress as Bar,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from lusifer.io import plain_console

log = logging.getLogger(__name__)


class Progress(transformers.TrainerCallback):  # type: ignore[misc]
    """Shows one phase. On a terminal a bar; elsewhere a log line each time the trainer logs."""

    def __init__(self, name: str) -> None:
        self.name, self.bar, self.loss, self.started, self.first = name, None, "", 0.0, 0

    bar: Bar | None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.started, self.first = time.monotonic(), state.global_step
        if not state.is_world_process_zero:
            return
        console = plain_console(stderr=True)
        if console.is_terminal:
            self.bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[loss]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
            )
            self.task = self.bar.add_task(
                self.name, total=state.max_steps, completed=state.global_step, loss=""
            )
            self.bar.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar:
            self.bar.update(self.task, completed=state.global_step, loss=self.loss)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if not logs or "loss" not in logs:
            return
        self.loss = f"loss {float(logs['loss']):.4f}"
        if self.bar is None and state.is_world_process_zero:
            done = state.global_step - self.first
            rate = done / max(time.monotonic() - self.started, 1e-9)
            left = (state.max_steps - state.global_step) / rate if rate else float("nan")
            log.info(
                "%s: step %d of %d, %s, %.2f steps/s, %.0f s left",
                self.name,
                state.global_step,
                state.max_steps,
                self.loss,
                rate,
                left,
            )

    def stop(self) -> None:
        """Take the bar off the terminal; also where training was interrupted."""
        if self.bar:
            self.bar.stop()
            self.bar = None
