"""The mean of the last checkpoints ships, whatever the stage, and however often the run was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lusifer.errors import ConfigError, LusiferError
from lusifer.training import averaging, loop
from lusifer.training.averaging import MEAN, Averaging, trained
from lusifer.training.checkpointing import checkpoints
from lusifer.training.optim import Optim
from lusifer.training.run import load_recipe, train
from tests.training.recipes import recipe, weights

Folder = Callable[[str], Path]
EACH = ["optim.steps=5", "optim.save_every=2", "optim.average=2"]


class Stop(Exception):
    """Stands for a kill between two steps."""


@pytest.mark.parametrize("stage", ["contrastive", "distill bridge", "rerank", "pretrain mntp"])
def test_what_ships_is_the_mean_of_the_last(
    stage: str, texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    real, take = Averaging.on_save, Averaging.take

    def on_save(self: Any, args: Any, state: Any, control: Any, model: Any, **more: Any) -> None:
        seen.append({name: p.detach().clone() for name, p in trained(model).items()})
        real(self, args, state, control, model, **more)

    def taken(self: Any, model: Any) -> None:
        take(self, model)
        for name, p in trained(model).items():
            due = torch.stack([one[name] for one in seen[-2:]]).mean(0)
            torch.testing.assert_close(p.detach(), due, rtol=1e-5, atol=1e-6)
        seen.append({})

    monkeypatch.setattr(Averaging, "on_save", on_save)
    monkeypatch.setattr(Averaging, "take", taken)
    file = recipe(stage, texts, model_folder)
    mean = weights(train(file, [*EACH, f"output={texts / 'mean'}"]))
    assert len(seen) == 4  # after steps 2, 4 and 5, and the end
    last = weights(train(file, [*EACH[:2], f"output={texts / 'last'}"]))
    assert any(not torch.equal(mean[name], last[name]) for name in mean)


@pytest.mark.parametrize(("at", "lost"), [(3, False), (4, False), (5, False), (4, True), (5, True)])
def test_a_stopped_run_ends_the_same(
    at: int, lost: bool, texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lost`: the kill came between the last checkpoint and its mean."""
    file = recipe("contrastive", texts, model_folder)
    whole = weights(train(file, [*EACH, f"output={texts / 'whole'}"]))
    original = loop.Progress.on_save if lost else loop.Progress.on_step_end

    def stop_at(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        if state.global_step == at:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "on_save" if lost else "on_step_end", stop_at)
        with pytest.raises(Stop):
            train(file, [*EACH, f"output={texts / 'parts'}"])
    if lost:
        last = checkpoints(texts / "parts" / "contrastive")[-1]
        (last / MEAN).unlink(missing_ok=True)
    parts = weights(train(file, [*EACH, f"output={texts / 'parts'}"]))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_checkpoint_that_was_not_due_hands_the_mean_on(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM writes one between two that are due, and only two are kept."""
    file = recipe("contrastive", texts, model_folder)
    changes = ["optim.steps=6", "optim.save_every=2", "optim.average=3"]
    whole = weights(train(file, [*changes, f"output={texts / 'whole'}"]))
    original = loop.Progress.on_step_end

    def told(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        control.should_save = control.should_save or state.global_step in (3, 5)

    monkeypatch.setattr(loop.Progress, "on_step_end", told)
    often = weights(train(file, [*changes, f"output={texts / 'often'}"]))
    assert all(torch.equal(whole[name], often[name]) for name in whole)


def test_how_many_were_due() -> None:
    keeps = Averaging(Optim(steps=10, save_every=4, average=2), Path("x"))
    assert [keeps.number(step) for step in (3, 4, 7, 8, 9, 10)] == [-1, 0, 0, 1, 1, 2]


def test_wrong_numbers_and_lost_files_are_one_line(texts: Path, model_folder: Folder) -> None:
    file = recipe("contrastive", texts, model_folder)
    for average in (1, 4):
        with pytest.raises(
            ConfigError, match=f"optim.average is {average}; it is 0, or from 2 to 3"
        ):
            load_recipe(file, [*EACH[:2], f"optim.average={average}"])
    with pytest.raises(ConfigError, match="take one of them"):
        train(file, [*EACH, "validation={every: 2, rows: 4}"])
    with pytest.raises(LusiferError, match="begin anew with --restart"):
        averaging.Averaging(Optim(steps=4, save_every=2, average=2), texts / "none").take(None)
