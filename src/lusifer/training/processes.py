"""The processes of one run: which this is, what each takes of a batch, and waiting for each other."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import accelerate
import torch

from lusifer.errors import ConfigError, LusiferError
from lusifer.training.device import device_type

Batch = dict[str, Any]
PATIENCE = timedelta(hours=24)  # the first process may embed a corpus while the others wait


def rank_and_world() -> tuple[int, int]:
    """This process's rank and the number of processes, as accelerate and torchrun set them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def own_slice(items: list[Batch]) -> Batch:
    """This process's rows of the global batch: a contiguous part, of numbers that differ by one at
    most; together they are the batch.
    """
    rank, world = rank_and_world()
    if world == 1:
        return items[0]

    def part(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: part(v) for k, v in value.items()}
        if value.ndim == 0:
            return value
        if len(value) < world:
            raise LusiferError(
                f"a batch of {len(value)} rows cannot be split over {world} processes; raise batch_size"
            )
        return value[rank * len(value) // world : (rank + 1) * len(value) // world]

    batch: Batch = part(items[0])
    return batch


def check_split(batch_size: int | None) -> None:
    """Raise ConfigError where processes cannot share a batch evenly. Losses that gather the batch
    want as many rows of each.
    """
    world = rank_and_world()[1]
    if batch_size is None or batch_size % world == 0:
        return
    fitting = [
        size for size in (batch_size // world * world, -(-batch_size // world) * world) if size
    ]
    raise ConfigError(
        f"batch_size is {batch_size}, which {world} processes cannot share evenly; take {' or '.join(map(str, fitting))}"
    )


def mean_count(count: torch.Tensor) -> torch.Tensor:
    """The mean of a count over processes: a sum over it, averaged over processes, is the mean over
    all that was counted.
    """
    if not torch.distributed.is_initialized():
        return count
    total = count.clone().float()
    torch.distributed.all_reduce(total)
    return total / torch.distributed.get_world_size()


def wait_for_all() -> None:
    """Hold this process until every other one is here too; nothing where there is one alone."""
    if rank_and_world()[1] > 1:
        _processes().wait_for_everyone()


def _processes() -> Any:
    """The processes together; without a GPU this has to be said, or each believes that it is alone."""
    return accelerate.PartialState(cpu=device_type() == "cpu", timeout=PATIENCE)


def leave_together() -> None:
    """Leave the other processes, once all have finished: one that merely ends may abort those still
    talking to it.
    """
    if rank_and_world()[1] > 1 and torch.distributed.is_initialized():
        wait_for_all()
        _processes().destroy_process_group()
