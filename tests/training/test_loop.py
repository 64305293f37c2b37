"""Batches, processes and checkpoints of the one loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lusifer
from lusifer.errors import ConfigError, LusiferError
from lusifer.training import loop
from lusifer.training.run import plan, train
from tests.training.recipes import recipe

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
    found = loop.checkpoints(texts / "out" / "distill")
    assert [p.name for p in found] == ["checkpoint-3"]
    assert lusifer.load(train(file)).dim == 32


@pytest.mark.parametrize("do", [train, plan])
def test_a_batch_that_processes_cannot_share_evenly_is_refused_with_those_that_fit(
    do: Callable[..., object], texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match=r"batch_size is 10, which 4 .* take 8 or 12$"):
        do(recipe("contrastive", texts, model_folder), ["batch_size=10"])
    with pytest.raises(ConfigError, match=r"batch_size is 3, .* take 4$"):
        do(recipe("align", texts, model_folder), ["batch_size=3"])
    assert not (texts / "out").exists()


@pytest.mark.parametrize("rows", [4, 5, 6, 7, 9, 31])
def test_every_row_of_a_batch_is_some_process_s(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    monkeypatch.setenv("WORLD_SIZE", "4")
    for rank in range(4):
        monkeypatch.setenv("RANK", str(rank))
        part = loop.own_slice([{"ids": torch.arange(rows), "more": {"label": torch.arange(rows)}}])
        assert torch.equal(part["ids"], part["more"]["label"])
        parts.append(part["ids"])
    assert torch.equal(torch.cat(parts), torch.arange(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_killed_worker_is_one_line_and_the_run_goes_on_where_it_was(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lusifer.training.pair_batches import PairBatches

    file = recipe("contrastive", texts, model_folder)
    original, own = PairBatches.batch, os.getpid()

    def killed(self: PairBatches, chosen: Any) -> Any:
        if os.getpid() != own:  # in a loader's worker process
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, chosen)

    monkeypatch.setattr(PairBatches, "batch", killed)
    with pytest.raises(
        LusiferError, match=r"contrastive: a process .* lower optim\.workers"
    ) as told:
        train(file, ["optim.workers=1"])
    assert "\n" not in str(told.value)
    monkeypatch.setattr(PairBatches, "batch", original)
    assert lusifer.load(train(file, ["optim.workers=1"])).dim == 32
