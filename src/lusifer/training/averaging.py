"""The mean of the last checkpoints' weights, which ships in place of the last ones.

Method: the running mean of what is trained, taken whenever a checkpoint is written, over the last
`optim.average` of them (stochastic weight averaging, arXiv 1803.05407; LAWA, arXiv 2209.14981). It lies in
each checkpoint, so that a resumed run ends with the same weights. Cost: one copy of the trained weights on
disk, and none in the memory of a step. It helps where the rate is still high at the end; after a schedule
that ends at 0 the last weights hardly differ from their mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from lusifer.errors import LusiferError
from lusifer.training.checkpointing import checkpoints
from lusifer.training.optim import Optim
from lusifer.training.processes import rank_and_world, wait_for_all
from lusifer.training.spread import put_back, put_together
from lusifer.training.trained import trained

MEAN = "mean.safetensors"
Weights = dict[str, torch.Tensor]


class Averaging(TrainerCallback):  # type: ignore[misc]
    """Keeps the mean beside the weights of the last checkpoints of a phase."""

    def __init__(self, optim: Optim, folder: Path) -> None:
        """`folder`: of the phase's checkpoints."""
        self.optim, self.folder = optim, folder

    def number(self, step: int) -> int:
        """How many of the averaged checkpoints were due up to a step; 0 or less before the first."""
        last = -(-self.optim.steps // self.optim.save_every)
        due = last if step >= self.optim.steps else step // self.optim.save_every
        return due - (last - self.optim.average)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        """A run that was killed between a checkpoint and its mean makes up for it."""
        if state.global_step and not (self._at(state.global_step) / MEAN).exists():
            self._write(state.global_step, model)

    def on_save(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        self._write(state.global_step, model)

    def take(self, model: Any) -> None:
        """Put the mean into the model.

        Args:
            model: trained to the end.

        Raises:
            LusiferError: where the last checkpoint, which holds it, is not there any more.
        """
        wait_for_all()
        done = checkpoints(self.folder)
        if not done or not (done[-1] / MEAN).exists():
            raise LusiferError(
                f"{self.folder}: the mean of the last checkpoints is not there; begin anew with --restart"
            )
        mean = load_file(done[-1] / MEAN)
        for name, parameter in trained(model).items():
            put_back(parameter, mean[name])

    def _at(self, step: int) -> Path:
        return self.folder / f"checkpoint-{step}"

    def _write(self, step: int, model: Any) -> None:
        """Add a checkpoint's weights to the mean, in fp32, and put that beside them."""
        number = self.number(step)
        if number < 1:
            return
        due = step % self.optim.save_every == 0 or step >= self.optim.steps
        now = put_together(trained(model), keep=not rank_and_world()[0]) if due else {}
        if rank_and_world()[0]:
            return
        if not due:  # of a run that was told to end: it hands the mean on
            mean = self._before(step)
        else:
            mean = {name: weight.float() for name, weight in now.items()}
            if number > 1:
                old = self._before(step)
                mean = {name: old[name] + (w - old[name]) / number for name, w in mean.items()}
        aside = self._at(step) / f".{MEAN}"
        save_file({name: w.contiguous() for name, w in mean.items()}, aside)
        aside.replace(self._at(step) / MEAN)

    def _before(self, step: int) -> Weights:
        """The mean that the checkpoint before this one holds."""
        earlier = [f for f in checkpoints(self.folder) if int(f.name.split("-")[1]) < step]
        if not earlier or not (earlier[-1] / MEAN).exists():
            raise LusiferError(
                f"{self.folder}: the checkpoint before step {step}, whose mean goes on, is not there; begin anew with --restart"
            )
        return load_file(earlier[-1] / MEAN)
