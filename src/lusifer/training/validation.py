"""What is measured while a model is trained, which checkpoint is kept for it, and when to stop.

Method: rows that are held out of the sources, and tasks of `lusifer evaluate`, are measured every so
many steps; the weights of the best measurement are kept beside the checkpoints, and become the model.
A measurement draws no random number and leaves no gradient, so that the training goes as it would
without; and it depends on the weights alone, so that a resumed run finds the same best. Cost: a
forward pass of the held-out rows and of the tasks' texts a measurement. Not for a set that is to tell
how good the model is at the end: what a checkpoint was chosen by is no longer a test.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
import transformers

from lusifer.errors import ConfigError, LusiferError
from lusifer.io import replacing_folder, write_json
from lusifer.models import read_json
from lusifer.training.processes import Batch, own_slice, rank_and_world, wait_for_all
from lusifer.training.spread import is_spread

log = logging.getLogger(__name__)

R = TypeVar("R")
LOSS, BEST, STEP = "loss", "best", "step.json"


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
        if count + sizes[key] <= min(rows, len(keys) // 2):
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
        if settings.rows and not (held and held.batches):
            raise ConfigError(
                f"validation.rows is {settings.rows}: "
                "none can be held out in batches (rows of one text go together, half of a source at most)"
            )
        if settings.tasks:
            check_model(trainer.model)

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
        model, device = self.trainer.model, self.trainer.args.device
        devices = [device.index or 0] if device.type == "cuda" else []
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
        names = self.settings.tasks
        figures = [math.nan] * len(names)
        if rank_and_world()[0] == 0:
            figures = task_figures(self.trainer.model, self.settings, bf16=self.trainer.args.bf16)
        if rank_and_world()[1] > 1:
            shared = torch.tensor(figures, dtype=torch.float64, device=self.trainer.args.device)
            torch.distributed.broadcast(shared, 0)
            figures = shared.tolist()
        return dict(zip(names, figures, strict=True))

    def _keep(self) -> None:
        if rank_and_world()[0] == 0:
            with replacing_folder(self.folder) as aside:
                self.trainer._save(str(aside))
                write_json(aside / STEP, {"step": self.past[-1].step})
        else:
            self.trainer._save(str(self.folder))  # gives its part, and writes nothing
        wait_for_all()

    def take_best(self) -> None:
        """Put the best weights into the model.

        Raises:
            LusiferError: where they are not in the phase's folder any more.
        """
        best = self.best()
        if best is None or (best is self.past[-1] and not self.patience_is_out()):
            return
        if not (self.folder / STEP).exists():
            raise LusiferError(
                f"{self.folder}: the best weights, of step {best.step}, are not there; begin anew with --restart"
            )
        step = read_json(self.folder / STEP)["step"]
        self.trainer._load_from_checkpoint(str(self.folder))
        if rank_and_world()[0] == 0:
            log.info(
                "%s: the weights of step %s are taken, the best by validation %s",
                self.name,
                step,
                self.settings.chosen_by,
            )


def task_figures(model: Any, settings: Validation, *, bf16: bool) -> list[float]:
    """Each task's first metric, the mean over its languages; of a kind of tasks the mean over these.

    Args:
        model: as it is trained, a SentenceTransformer.
        settings: the tasks, their suite and languages.
        bf16: whether it computes in bf16.

    Returns:
        A figure a task, in their order.

    Raises:
        ConfigError: where a task has none of the languages.
    """
    from lusifer.evaluation import chosen_tasks, evaluate
    from lusifer.models import TorchEmbedder

    embedder = TorchEmbedder(model, bf16=bf16)
    scores = evaluate(embedder, settings.suite or "", settings.tasks, settings.languages or None)
    first: dict[str, list[float]] = {}
    metric: dict[str, str] = {}
    for score in scores:
        if score.metric == metric.setdefault(score.task, score.metric):
            first.setdefault(score.task, []).append(score.value)
    figures = []
    for name in settings.tasks:
        means = [
            sum(first[task.name]) / len(first[task.name])
            for task in chosen_tasks([name])
            if task.name in first
        ]
        if not means:
            raise ConfigError(f"validation.tasks: {name} has no score in validation.languages")
        figures.append(sum(means) / len(means))
    return figures


def check_validation(settings: Validation) -> None:
    """Raise LusiferError for a task that is none, or whose files are not there: before anything slow."""
    from lusifer.evaluation import chosen_tasks

    if not settings.tasks:
        return
    suite = Path(settings.suite or "")
    if not suite.is_dir():
        raise ConfigError(f"validation.suite is {settings.suite!r}; no such folder")
    for task in chosen_tasks(settings.tasks):
        for file in task.files:
            if not (suite / file).exists():
                raise ConfigError(
                    f"validation.suite: {task.name} wants {suite / file}; no such file"
                )


def check_model(model: Any) -> None:
    """Raise ConfigError where a model in training cannot be given texts."""
    from sentence_transformers import SentenceTransformer

    from lusifer.training.padded_table import PaddedTable

    if not isinstance(model, SentenceTransformer) or isinstance(model[0], PaddedTable):
        raise ConfigError(
            "validation.tasks want a stage whose model embeds texts while it is trained; hold out validation.rows"
        )
    if any(map(is_spread, model.parameters())):
        raise ConfigError(
            "validation.tasks want the whole model on each process, not spread by FSDP; hold out validation.rows"
        )


class Epochal(Protocol):
    """Batches of a recipe's rows, so many an epoch."""

    epochs: Any

    def __call__(self, step: int, /) -> Batch:
        """The batch of a step."""


def held_epoch(recipe: R, rows: int, make: Callable[[R], Epochal]) -> Held | None:
    """The held-out rows, once each, as a stage's own batches.

    Args:
        recipe: one with a `batch_size`.
        rows: how many are held out.
        make: batches of these rows, by a recipe with the batch size to measure by.

    Returns:
        The batches; None where there is no row for each process.
    """
    few = for_held(recipe, rows)
    if few is None:
        return None
    measured = make(few)
    return Held(measured.epochs.per_epoch, measured)


def for_held(recipe: R, rows: int) -> R | None:
    """A recipe whose batches hold nearly all of the held-out rows, in equal parts for the processes.

    Args:
        recipe: one with a `batch_size`.
        rows: how many are held out.

    Returns:
        The recipe with the batch size to measure by; None where there is no row for each process.
    """
    if not rows:
        return None
    size = rows // -(-rows // recipe.batch_size)  # type: ignore[attr-defined]
    size -= size % rank_and_world()[1]
    return dataclasses.replace(recipe, batch_size=size) if size else None  # type: ignore[type-var]
