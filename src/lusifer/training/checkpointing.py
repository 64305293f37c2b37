"""Checkpoints: written aside and then renamed, whole or of what is trained alone, and read back; the same
whether FSDP has spread weights over the processes or not.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from lusifer.errors import LusiferError
from lusifer.io import disk_errors
from lusifer.models import TRAINED
from lusifer.training.processes import wait_for_all
from lusifer.training.spread import is_spread, learns_spread, own_part, put_together
from lusifer.training.trained import read_trained, trained, write_trained


class CheckpointMixin:
    """For a transformers or sentence-transformers Trainer."""

    args: Any
    model: Any
    optimizer: Any
    lr_scheduler: Any
    in_parts = False  # whether a checkpoint holds what is trained alone

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write the checkpoint aside, then rename it: an interrupt or a full disk leaves the last
        good one.

        Every process writes its random state into the folder, so the rename waits for all of them.
        """
        final = Path(self.args.output_dir)
        with disk_errors(final):
            final.mkdir(parents=True, exist_ok=True)
            aside = final / ".saving"
            if self.args.should_save:
                shutil.rmtree(aside, ignore_errors=True)
            wait_for_all()
            try:
                self._aside = str(aside)
                super()._save_checkpoint(model, trial)  # type: ignore[misc]
            finally:
                self._aside = None
            wait_for_all()
            if self.args.should_save:
                for folder in aside.glob("checkpoint-*"):
                    shutil.rmtree(final / folder.name, ignore_errors=True)
                    os.rename(folder, final / folder.name)
                shutil.rmtree(aside, ignore_errors=True)
                for old in checkpoints(final)[: -self.args.save_total_limit]:
                    shutil.rmtree(old)
            wait_for_all()

    _aside: str | None = None

    def _get_output_dir(self, trial: Any) -> str:
        return self._aside or str(self.args.output_dir)

    def write_model(self, folder: Path) -> None:
        """Write the whole model of one process into a folder."""
        super()._save(str(folder))  # type: ignore[misc]

    def weights(self) -> dict[str, torch.Tensor]:
        """What is trained, by the names that a checkpoint of that alone has."""
        return trained(self.model)

    def read_weights(self, folder: Path) -> None:
        """Put back what a checkpoint of what is trained alone holds."""
        read_trained(self.weights(), folder)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """On every process, whichever of them writes: the library's own asks the first alone in some versions."""
        self._save(output_dir)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the model, or what is trained of it, to which every process may have to give its part."""
        folder = Path(output_dir or self.args.output_dir)
        if self.in_parts or learns_spread(self.model):
            write_trained(self.weights(), folder, write=self.args.should_save)
        elif self.args.should_save:
            self.write_model(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, *args: Any) -> None:
        folder = Path(resume_from_checkpoint)
        if (folder / TRAINED).exists():
            self.read_weights(folder)
        elif learns_spread(self.model):
            raise LusiferError(
                f"{folder}: was made without FSDP; launch as before, or begin anew with --restart"
            )
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, *args)  # type: ignore[misc]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """As one process would, though the optimiser's states may be spread."""
        if not learns_spread(self.model):
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        state = self.optimizer.state_dict()
        state["state"] = {
            number: put_together(moments, keep=self.args.should_save)
            for number, moments in state["state"].items()
        }
        if self.args.should_save:
            torch.save(state, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is None:
            return
        if learns_spread(self.model):  # another launch's optimiser may have been the fused one
            for group in self.optimizer.param_groups:
                group["fused"] = None
        for parameter, moments in self.optimizer.state.items():
            for name, moment in moments.items():
                if is_spread(parameter) and moment.shape == parameter.shape:
                    moments[name] = own_part(parameter, moment)


def checkpoints(folder: str | Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    found = [p for p in Path(folder).glob("checkpoint-*") if (p / "trainer_state.json").exists()]
    return sorted(found, key=lambda p: int(p.name.split("-")[1]))
