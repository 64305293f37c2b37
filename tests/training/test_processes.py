"""What the processes of a run take of a batch, and how they wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lusifer.errors import ConfigError
from lusifer.training import processes
from lusifer.training.run import plan, train
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


def test_processes_wait_for_each_other_before_anything_is_set_up(tmp_path: Path) -> None:
    """What the first process prepares, the others find: a barrier that holds on CPUs too."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\nfrom lusifer.training import processes\n"
        "file, first = Path(sys.argv[1]), processes.rank_and_world()[0] == 0\n"
        "if first:\n    time.sleep(3)\n    file.touch()\n"
        "processes.wait_for_all()\nassert file.exists()\nprocesses.leave_together()\n",
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        str(script),
        str(tmp_path / "made"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


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
        part = processes.own_slice(
            [{"ids": torch.arange(rows), "more": {"label": torch.arange(rows)}}]
        )
        assert torch.equal(part["ids"], part["more"]["label"])
        parts.append(part["ids"])
    assert torch.equal(torch.cat(parts), torch.arange(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
