"""Checkpoints: whole or not at all, and what another launch says of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lusifer
from lusifer.training import checkpointing
from lusifer.training.run import train
from tests.training.recipes import recipe, weights
from tests.training.stages.test_distill_bridge import two_processes
from tests.training.test_distributed import FSDP

Folder = Callable[[str], Path]


def test_an_interrupt_in_the_middle_of_a_save_leaves_the_last_good_checkpoint(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = recipe("distill bridge", texts, model_folder)
    import transformers

    original = transformers.Trainer._save_rng_state
    saves = 0

    def cut(self: Any, output_dir: str) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise KeyboardInterrupt
        original(self, output_dir)

    monkeypatch.setattr(transformers.Trainer, "_save_rng_state", cut)
    with pytest.raises(KeyboardInterrupt):
        train(file)
    found = checkpointing.checkpoints(texts / "out" / "distill")
    assert [p.name for p in found] == ["checkpoint-3"]
    assert lusifer.load(train(file)).dim == 32


@pytest.mark.parametrize("begun", [False, True])
def test_a_checkpoint_of_what_is_trained_goes_on_with_fsdp_and_without(
    begun: bool, texts: Path, model_folder: Folder
) -> None:
    """Whatever optimiser it was made with, and whichever launch began it."""
    file = recipe("rerank", texts, model_folder)
    changes = [f"base={model_folder('modernbert')}", "optim.lr=1e-3"]
    whole = weights(train(file, [*changes, f"output={texts / 'whole'}"]))
    two_processes(file, changes, **FSDP) if begun else train(file, changes)
    for go_on in (lambda: two_processes(file, changes, **FSDP), lambda: train(file, changes)):
        shutil.rmtree(texts / "out" / "model")
        shutil.rmtree(texts / "out" / "rerank" / "checkpoint-6")
        go_on()
        for name, tensor in weights(texts / "out" / "model").items():
            if not name.endswith("classifier.bias"):  # which a softmax over candidates leaves free
                torch.testing.assert_close(tensor, whole[name], rtol=2e-2, atol=2e-4)


def test_a_checkpoint_that_was_made_without_fsdp_is_named_and_goes_on_as_before(
    texts: Path, model_folder: Folder
) -> None:
    """It is a whole model, which FSDP could not spread again; nothing of it is lost."""
    file = recipe("contrastive", texts, model_folder)
    changes = [f"base={model_folder('modernbert')}"]
    before = lusifer.load(train(file, changes)).encode(["a text"])
    shutil.rmtree(texts / "out" / "model")
    shutil.rmtree(texts / "out" / "contrastive" / "checkpoint-6")
    with pytest.raises(
        AssertionError, match=r"checkpoint-3: was made without FSDP; launch as before"
    ):
        two_processes(file, changes, **FSDP)
    assert (lusifer.load(train(file, changes)).encode(["a text"]) == before).all()
