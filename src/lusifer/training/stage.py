"""A stage of training, and the one runner of all stages.

A stage says what is checked, trained and planned; the runner claims the output folder, finds what is
finished, sets the seed, trains, resumes, and writes the result aside before it is renamed. One file
in `training/stages/`, with a recipe and a subclass of `Stage`, adds a stage; so does one outside of
lusifer, once it is imported.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from transformers import TrainerCallback, TrainingArguments

from lusifer.errors import ConfigError, MissingExtra
from lusifer.io import made_folder
from lusifer.training.averaging import Averaging
from lusifer.training.checkpointing import checkpoints
from lusifer.training.distributed import shard
from lusifer.training.loop import StepBatches, StepTrainer, arguments, run_phase
from lusifer.training.optim import Optim, check_optimizer
from lusifer.training.output import PREPARED, RECIPE, VERSIONS, claim
from lusifer.training.preempt import Preemption
from lusifer.training.processes import Batch, check_split, rank_and_world, wait_for_all
from lusifer.training.run_log import LOG, PhaseLog, draw_curves
from lusifer.training.run_page import write_page
from lusifer.training.spread import learns_spread, make_whole
from lusifer.training.texts import locate_root
from lusifer.training.validation import Held, Validation, Validator, check_validation

log = logging.getLogger(__name__)


class Recipe(Protocol):
    """What the runner reads of every recipe; the rest is the stage's."""

    @property
    def stage(self) -> str: ...
    @property
    def output(self) -> str: ...
    @property
    def seed(self) -> int: ...


R = TypeVar("R", bound=Recipe)
Save = Callable[[Path], None]
Logger = Literal["tensorboard", "wandb", "trackio"]


@dataclass(frozen=True)
class Run:
    """One run: its folder, and the phases that train in it. `scratch` takes the checkpoints and the log
    of a run that is only tried, and `watching` are callbacks of its main phase; `models` are those that
    its phases have trained.
    """

    output: Path
    seed: int
    validation: Validation | None = None
    log: str | None = None
    scratch: Path | None = None
    watching: tuple[Any, ...] = ()
    models: list[Any] = field(default_factory=list)

    @property
    def held_rows(self) -> int:
        """How many rows are to be held out of the sources."""
        return self.validation.rows if self.validation else 0

    @property
    def prepared(self) -> Path:
        """Where what is made once, before training, is kept for a resumed run."""
        return self.output / PREPARED

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return rank_and_world()[0] == 0

    def phase(
        self,
        name: str,
        model: Any,
        make: Callable[[int], Batch],
        optim: Optim,
        *,
        trainer: type[Any] = StepTrainer,
        loss: Any = None,
        title: str | None = None,
        validated: bool = False,
        held: Held | None = None,
        until: int | None = None,
    ) -> int:
        """Train a model, from the phase's last checkpoint if there is one.

        Args:
            name: the phase's folder of checkpoints, within the output.
            model: what is trained, in place.
            make: a step's number → its batch, which depends on nothing else.
            optim: how.
            trainer: a transformers or sentence-transformers Trainer over `StepBatches`.
            loss: of a sentence-transformers Trainer; a transformers model has its own.
            title: what the progress line says, if not the name.
            validated: whether the recipe's validation is of this phase.
            held: the rows that were held out, where some were.
            until: the step to hold at, with a checkpoint; the same phase is asked again then.

        Returns:
            Of which step the model's weights are: behind `until` where an earlier run came further,
            before it where validation has ended the run.
        """
        folder = self.scratch or self.output
        sentences = issubclass(trainer, SentenceTransformerTrainer)
        kind = SentenceTransformerTrainingArguments if sentences else TrainingArguments
        given = {} if loss is None else {"loss": loss}
        shard(model)
        self.models.append(model)
        built = trainer(
            model=model,
            args=arguments(
                optim, folder / name, self.seed, kind, self.log, spread=learns_spread(model)
            ),
            train_dataset=StepBatches(optim.batches, make),
            **given,
        )
        self._say(title or name, model, built.args, optim)
        done = checkpoints(folder / name)
        step = int(done[-1].name.split("-")[1]) if done else 0
        held_at = until if until is not None and until < optim.steps else None
        if held_at is not None and step >= held_at:
            built._load_from_checkpoint(str(done[-1]))
            return step
        phase_log, preemption = PhaseLog(folder / LOG, name, step), Preemption()
        callbacks: list[Any] = [phase_log, preemption]
        callbacks += [] if held_at is None else [HoldAt(held_at)]
        validator = None
        averaging = Averaging(optim, folder / name) if optim.average else None
        callbacks += [averaging] if averaging else []
        if validated:
            callbacks += self.watching
        if validated and self.validation:
            past = phase_log.measurements()
            validator = Validator(built, self.validation, held, title or name, past)
            callbacks.append(validator)
        if validator is None or not validator.patience_is_out():
            with preemption.listening():
                run_phase(built, title or name, callbacks)
        if held_at is not None:
            return int(built.state.global_step) or step
        if validator:
            validator.take_best()
        elif averaging:
            averaging.take(model)
        return optim.steps

    def _say(self, title: str, model: Any, args: Any, optim: Optim) -> None:
        """What a phase will do, on one line."""
        total = sum(p.numel() for p in model.parameters())
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        if self.first:
            log.info(
                "%s: %s steps at a rate of %g (%s), %s of %s parameters trained, %s on %s",
                title,
                f"{optim.steps:,}",
                optim.lr,
                optim.schedule,
                f"{trained:,}",
                f"{total:,}",
                "bf16" if args.bf16 else "fp32",
                args.device,
            )


class Stage(ABC, Generic[R]):
    """What one kind of recipe trains. `name` is what its recipes call it, and `method` which of the
    ways of that name, the `usual` one where they say nothing; `result` is the folder, within the
    output, of what it makes; `notes` are files that it puts down before it has made anything;
    `holds_out` says whether it can hold out rows for validation.
    """

    name: ClassVar[str]
    method: ClassVar[str] = ""
    usual: ClassVar[bool] = False
    recipe: ClassVar[type[Any]]
    result: ClassVar[str] = "model"
    holds_out: ClassVar[bool] = False
    notes: ClassVar[tuple[str, ...]] = ()

    def check(self, recipe: R, *, restart: bool) -> None:
        """Find out, before the output folder is made, what is wrong: by default, whether the folder
        of the data is there, where the recipe names one.

        Args:
            recipe: what to train.
            restart: whether what an earlier run left is about to be deleted.

        Raises:
            LusiferError: what is wrong.
        """
        if (root := getattr(getattr(recipe, "data", None), "root", None)) is not None:
            locate_root(root)

    @abstractmethod
    def train(self, recipe: R, run: Run) -> Save:
        """Train, in `run`'s phases.

        Args:
            recipe: checked.
            run: the claimed folder; the seed is set.

        Returns:
            What writes the result into a folder, whole or not at all; the first process calls it.
        """

    @abstractmethod
    def plan(self, recipe: R) -> dict[str, Any]:
        """What a run would do: `rows`, `parameters` and `memory_bytes`. Trains nothing."""


class HoldAt(TrainerCallback):  # type: ignore[misc]
    """Ends the trainer's loop after a step, with a checkpoint; its schedule is of all steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= self.step:
            control.should_save = control.should_training_stop = True


def check_logger(name: str | None) -> None:
    """Raise MissingExtra where what a recipe logs to is not installed."""
    if name is not None and find_spec(name) is None:
        raise MissingExtra(name, "log")


def check_run(stage: Stage[R], recipe: R, *, restart: bool) -> None:
    """Find out what is wrong with a run before it makes a folder. Raises LusiferError."""
    check_split(getattr(recipe, "batch_size", None))
    validation: Validation | None = getattr(recipe, "validation", None)
    if validation and validation.rows and not stage.holds_out:
        raise ConfigError(
            f"stage {stage.name} {stage.method} holds no rows out; name validation.tasks instead of validation.rows"
        )
    if validation:
        check_validation(validation)
    check_logger(getattr(recipe, "log", None))
    if isinstance(optim := getattr(recipe, "optim", None), Optim):
        check_optimizer(optim)
        if validation and optim.average:
            raise ConfigError(
                "optim.average ships the mean of the last checkpoints, validation the best weights; take one of them"
            )
    stage.check(recipe, restart=restart)


def run_stage(stage: Stage[R], recipe: R, *, restart: bool = False) -> Path:
    """Run a recipe, or go on with it.

    Args:
        stage: the recipe's.
        recipe: what to train.
        restart: begin anew.

    Returns:
        The folder of what was made.

    Raises:
        LusiferError: where the output folder holds another run, or the data are wrong.
    """
    check_run(stage, recipe, restart=restart)
    first = rank_and_world()[0] == 0
    # A run that is refused before it has made anything leaves no folder behind.
    with made_folder(recipe.output, (RECIPE, VERSIONS, *stage.notes)) if first else nullcontext():
        output = claim(recipe.output, recipe, restart=restart)
        final = output / stage.result
        if final.is_dir():
            log.info("%s is finished", final)
            return final
        torch.manual_seed(recipe.seed)
        validation: Validation | None = getattr(recipe, "validation", None)
        run = Run(output, recipe.seed, validation, getattr(recipe, "log", None))
        save = stage.train(recipe, run)
    for model in run.models:
        make_whole(model, keep=run.first)
    if run.first:
        save(final)
        draw_curves(output)
        write_page(output, final)
    wait_for_all()
    return final
