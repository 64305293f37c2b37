"""A job that is told to go (SIGTERM, as schedulers send before they take a machine away) saves where
it is and ends well; the same command goes on from there.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers

from lusifer.errors import Preempted
from lusifer.training.processes import rank_and_world


class Preemption(transformers.TrainerCallback):  # type: ignore[misc]
    """Ends a phase, with a checkpoint, at the first step after a SIGTERM to any of its processes."""

    def __init__(self) -> None:
        self.asked = False
        self.step: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM for a wish while the block runs; only the main thread may, elsewhere the
        signal keeps its meaning. Raises Preempted behind the block where it came.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
        if self.step is not None:
            raise Preempted(
                f"stopped by SIGTERM at step {self.step:,}, which is saved; run the same command again to go on"
            )

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        asked = self.asked
        if rank_and_world()[1] > 1:  # all of them, or those left would wait for the others
            any_of = torch.tensor([float(asked)], device=args.device)
            torch.distributed.all_reduce(any_of)
            asked = bool(any_of.item())
        if asked and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True
            self.step = state.global_step
