"""Batches that other processes make, in the one loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lusifer
from lusifer.errors import LusiferError
from lusifer.training.run import train
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


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
