"""What is measured while a model is trained, which checkpoint is kept for it, and when to stop.

Method: rows that are held out of the sources, and tasks of `lusifer evaluate`, are measured every so
many steps; the weights of the best measurement are kept beside the checkpoints, and become the model.
A measurement draws no random number and leaves no gradient, so that the training goes as it would
without; and it depends on the weights alone, so that a resumed run finds the same best. Cost: a
forward pass of the held-out rows and of the tasks' texts a measurement. Not for a set that is to tell
how good the model is at the end: what a checkpoint was chosen by is no longer a test.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
import transformers

from lusifer.errors import ConfigError
from lusifer.io import replacing_folder
from lusifer.training.loop import Batch, own_slice, rank_and_world, wait_for_all

log = logging.getLogger(__name__)

LOSS, BEST = "loss", "best"


@dataclass(frozen=True)
class Validation:
    """What is measured every `every` steps. `rows` are held out of the sources, the same in every
    run, for a loss of their own; `tasks` are those of `lusifer evaluate`, of the files in `suite`
    and in `languages` (null: all).

    `best` is the figure whose best measurement is kept, `loss` or one of `tasks`; null takes the
    loss, or the first task where no row is held out. `patience` ends the training after so many
    measurements in a row without a better one.
    """

    every: int = 200
    rows: int = 0
    tasks: tuple[str, ...] = ()
    suite: str | None = None
    languages: tuple[str, ...] = ()
    best: str | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        if not self.rows and not self.tasks:
            raise ValueError("validation wants rows to hold out, or tasks")
        if self.every < 1 or self.rows < 0:
            raise ValueError("validation.every must be 1 or more, and validation.rows 0 or more")
        if self.tasks and not self.suite:
            raise ValueError("validation.tasks want validation.suite, the folder of their files")
        if self.patience is not None and self.patience < 1:
            raise ValueError("validation.patience must be 1 or more (or null)")
        known = [*([LOSS] if self.rows else []), *self.tasks]
        if self.best is not None and self.best not in known:
            raise ValueError(
                f"validation.best is {self.best!r}; it must be one of {', '.join(known)}"
            )

    @property
    def chosen_by(self) -> str:
        """The figure whose best is kept."""
        return self.best or (LOSS if self.rows else self.tasks[0])


@dataclass(frozen=True)
class Held:
    """Held-out rows in batches: `make` gives the batch of a number below `batches`."""

    batches: int
    make: Callable[[int], Batch]


@dataclass(frozen=True)
class Measurement:
    """The figures of one step."""

    step: int
    figures: dict[str, float]


def held_out(keys: Sequence[str], rows: int) -> tuple[list[int], list[int]]:
    """Which rows are trained on, and which are held out: those of the texts whose hashes are the
    smallest, at most half of all.

    Args:
        keys: a text a row; rows of one text go together, so that none is on both sides.
        rows: how many to hold out.

    Returns:
        Row numbers to train on and row numbers to measure, both in order.
    """
    if not rows:
        return list(range(len(keys))), []
    hashes = {
        key: blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for key in dict.fromkeys(keys)
    }
    taken, count = set[str](), 0
    sizes: dict[str, int] = {}
    for key in keys:
        sizes[key] = sizes.get(key, 0) + 1
    for key in sorted(hashes, key=lambda key: hashes[key]):
        if count + sizes[key] > min(rows, len(keys) // 2):
            break
        taken.add(key)
        count += sizes[key]
    trained = [i for i, key in enumerate(keys) if key not in taken]
    return trained, [i for i, key in enumerate(keys) if key in taken]


class Validator(transformers.TrainerCallback):  # type: ignore[misc]
    """Measures a phase, keeps its best weights in the phase's folder, and ends it where nothing is
    gained any more.
    """

    def __init__(
        self,
        trainer: Any,
        settings: Validation,
        held: Held | None,
        name: str,
        past: Sequence[Measurement],
    ) -> None:
        """`past` are the measurements of an earlier run of this phase, up to the step that it goes
        on from.
        """
        self.trainer, self.settings, self.held, self.name = trainer, settings, held, name
        self.past = list(past)
        if settings.tasks:
            check_tasks(trainer.model, settings)

    @property
    def folder(self) -> Path:
        """Where the best weights are."""
        return Path(self.trainer.args.output_dir) / BEST

    def best(self) -> Measurement | None:
        """The best measurement so far; of equal ones the first."""
        sign = 1 if self.settings.chosen_by == LOSS else -1
        finite = [m for m in self.past if math.isfinite(m.figures[self.settings.chosen_by])]
        return min(finite, key=lambda m: sign * m.figures[self.settings.chosen_by], default=None)

    def patience_is_out(self) -> bool:
        """Whether the last measurements, as many as patience allows, brought nothing better."""
        best, patience = self.best(), self.settings.patience
        return bool(patience and best and sum(m.step > best.step for m in self.past) >= patience)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        step = state.global_step
        if step % self.settings.every and step != state.max_steps:
            return
        found = Measurement(step, self._measure())
        self.past.append(found)
        due = control.should_log  # which logging clears, though the step's loss is still to be told
        self.trainer.log({f"validation_{name}": value for name, value in found.figures.items()})
        control.should_log = due
        shown = ", ".join(f"{name} {value:.4f}" for name, value in found.figures.items())
        best = self.best()
        if best is found:
            self._keep()
        if state.is_world_process_zero:
            more = "" if best is None or best is found else f" (best so far at step {best.step})"
            log.info("%s: step %d, validation %s%s", self.name, step, shown, more)
        if self.patience_is_out():
            control.should_save = control.should_training_stop = True
            if state.is_world_process_zero:
                log.info(
                    "%s: no better %s in %d validations; training ends",
                    self.name,
                    self.settings.chosen_by,
                    self.settings.patience,
                )

    def _measure(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        model = self.trainer.model
        devices = [model.device.index or 0] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices), torch.no_grad():
            model.eval()
            if self.held:
                figures[LOSS] = self._held_loss(self.held)
            if self.settings.tasks:
                figures |= self._task_figures()
            model.train()
        return figures

    def _held_loss(self, held: Held) -> float:
        losses = []
        for number in range(held.batches):
            inputs = self.trainer._prepare_inputs(own_slice([held.make(number)]))
            with self.trainer.compute_loss_context_manager():
                loss = self.trainer.compute_loss(self.trainer.model, inputs)
            losses.append(float(self.trainer.accelerator.gather(loss.detach().reshape(1)).mean()))
        return sum(losses) / len(losses)

    def _task_figures(self) -> dict[str, float]:
        """Each task's first metric, the mean over languages; the first process measures for all."""
        from lusifer.evaluation import evaluate
        from lusifer.models import TorchEmbedder

        figures = [math.nan] * len(self.settings.tasks)
        if rank_and_world()[0] == 0:
            args, settings = self.trainer.args, self.settings
            embedder = TorchEmbedder(self.trainer.model, bf16=args.bf16)
            for i, task in enumerate(settings.tasks):
                scores = evaluate(
                    embedder, settings.suite or "", [task], settings.languages or None
                )
                first = [score.value for score in scores if score.metric == scores[0].metric]
                figures[i] = sum(first) / len(first)
        if rank_and_world()[1] > 1:
            shared = torch.tensor(figures, dtype=torch.float64, device=self.trainer.args.device)
            torch.distributed.broadcast(shared, 0)
            figures = shared.tolist()
        return dict(zip(self.settings.tasks, figures, strict=True))

    def _keep(self) -> None:
        if rank_and_world()[0] == 0:
            with replacing_folder(self.folder) as aside:
                self.trainer._save(str(aside))
        wait_for_all()

    def take_best(self) -> None:
        """Put the best weights into the model."""
        best = self.best()
        if best is None or not self.folder.is_dir():
            return
        if best.step != self.past[-1].step:
            self.trainer._load_from_checkpoint(str(self.folder))
            if rank_and_world()[0] == 0:
                log.info(
                    "%s: the weights of step %d are taken, the best by validation %s",
                    self.name,
                    best.step,
                    self.settings.chosen_by,
                )


def check_tasks(model: Any, settings: Validation) -> None:
    """Raise ConfigError where a model in training cannot be given texts, or a task is none."""
    from sentence_transformers import SentenceTransformer

    from lusifer.evaluation import chosen_tasks

    chosen_tasks(settings.tasks)
    if not isinstance(model, SentenceTransformer):
        raise ConfigError(
            "validation.tasks want a stage whose model embeds texts; hold out validation.rows"
        )
    if any(hasattr(parameter, "to_local") for parameter in model.parameters()):
        raise ConfigError(
            "validation.tasks want the whole model on each process, not spread by FSDP; hold out validation.rows"
        )
    if not Path(settings.suite or "").is_dir():
        raise ConfigError(f"validation.suite is {settings.suite!r}; no such folder")
