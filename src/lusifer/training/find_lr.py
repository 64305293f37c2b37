"""Which learning rate a recipe wants: the learning-rate range test.

Method: some steps whose rate grows from very small to very large, each by the same factor; where the
smoothed loss is least, training is about to diverge, and a tenth of that rate is a good one (Smith,
arXiv 1506.01186). Cost: the steps, at most; it ends where the loss is four times its least. Not for a
rate to report: it is a start, and a long run with decay bears more or less than it says.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from lusifer.errors import ConfigError, LossError
from lusifer.training.distributed import take_over
from lusifer.training.output import RECIPE, VERSIONS, claim
from lusifer.training.processes import rank_and_world, wait_for_all
from lusifer.training.run import load_recipe, stage_of
from lusifer.training.stage import Run, check_run

LOWEST, HIGHEST = 1e-7, 1.0
SMOOTH, WORSE = 0.8, 4.0


@dataclass(frozen=True)
class RateTest:
    """The rates that were tried, the smoothed loss at each, and the one to take."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float


class Sweep(transformers.TrainerCallback):  # type: ignore[misc]
    """Sets each step's rate, and ends where the loss has left its least far behind."""

    def __init__(self, steps: int) -> None:
        self.steps, self.mean, self.best, self.rates = steps, 0.0, math.inf, list[float]()
        self.losses: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        share = state.global_step / max(self.steps - 1, 1)
        rate = LOWEST * (HIGHEST / LOWEST) ** share
        for group in kwargs["optimizer"].param_groups:
            group["lr"] = rate
        self.rates.append(rate)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if not logs or "loss" not in logs:
            return
        self.mean = SMOOTH * self.mean + (1 - SMOOTH) * float(logs["loss"])
        smoothed = self.mean / (1 - SMOOTH ** (len(self.losses) + 1))
        self.losses.append(smoothed)
        self.best = min(self.best, smoothed)
        if smoothed > WORSE * self.best:
            control.should_training_stop = True


def find_lr(name: Any, overrides: Sequence[str] = (), *, steps: int = 100) -> RateTest:
    """Try learning rates from 1e-7 to 1 on a recipe's main phase. What the run prepares (a teacher's
    vectors, rows on disk) is kept in its output folder, for the run itself.

    Args:
        name: as for `train`.
        overrides: dotted changes.
        steps: how many rates.

    Returns:
        The rates, the smoothed losses, and a rate to take.

    Raises:
        ConfigError: for a wrong recipe, or one whose phases have rates of their own.
        LusiferError: where the output folder holds another run.
        Preempted: on SIGTERM; nothing is found then.
    """
    recipe, stage = load_recipe(name, overrides), stage_of(name, overrides)
    take_over()
    if not hasattr(recipe, "optim") or not stage.holds_out:
        raise ConfigError(
            f"stage {stage.name} {stage.method} has no one rate to find: its phases have rates of their own, or none"
        )
    optim = dataclasses.replace(
        recipe.optim,
        steps=steps,
        schedule="constant_with_warmup",
        warmup=0.0,
        save_every=steps + 1,
        average=0,
        log_every=1,
    )
    sweep = Sweep(steps)
    recipe = dataclasses.replace(recipe, validation=None, log=None)
    check_run(stage, recipe, restart=False)
    with (
        _lent(Path(recipe.output), recipe) as output,
        tempfile.TemporaryDirectory(prefix="lusifer-rates-") as aside,
    ):
        torch.manual_seed(recipe.seed)
        run = Run(output, recipe.seed, scratch=Path(aside), watching=(sweep,))
        try:
            stage.train(dataclasses.replace(recipe, optim=optim), run)
        except LossError as error:  # so far beyond the best rate that the loss is no number
            if not sweep.losses:
                raise ConfigError(f"{error}: already at a rate of {LOWEST:g}") from None
    count = len(sweep.losses)
    # The first tenth trains next to nothing, and its mean is of few batches: chance may favour it.
    begin = min(steps // 10, count - 1)
    best = min(range(begin, count), key=lambda i: sweep.losses[i])
    return RateTest(tuple(sweep.rates[:count]), tuple(sweep.losses), sweep.rates[best] / 10)


@contextmanager
def _lent(output: Path, recipe: Any) -> Iterator[Path]:
    """The recipe's folder, which is the run's own again afterwards: a run by the rate that is found has
    another recipe. What was prepared in it stays.
    """
    notes = (RECIPE, VERSIONS)
    there = (output / RECIPE).exists()
    try:
        yield claim(output, recipe)
    finally:
        wait_for_all()
        if not there and rank_and_world()[0] == 0:
            for name in notes:
                (output / name).unlink(missing_ok=True)
            if output.is_dir() and not any(output.iterdir()):
                output.rmdir()
