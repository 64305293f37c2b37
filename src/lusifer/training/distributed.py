"""FSDP: the weights of a model's blocks, spread over the processes.

Method: torch's `fully_shard` (FSDP2; arXiv 2304.11277) on every block of the transformers in a model. A
block's weights are gathered for its forward and its backward pass and dropped after each. Where a block
is trained whole, its gradients and the optimiser's moments are spread with it; beside adapters, what is
frozen is spread, and the adapters stay whole. All that is not spread (adapters, a connector, heads, tables
of words) is on each process, and DDP averages its gradients. Checkpoints, and the model, are those of one
process (`training/spread.py`). Memory: of what is spread 1 / processes, and one block whole. Cost: two
gathers of each block a step, and one sum of gradients where it is trained. Not for a model that fits each
process: DDP sends less.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

from torch import nn
from transformers import PreTrainedModel

from lusifer.models import families
from lusifer.training.processes import rank_and_world
from lusifer.training.spread import is_spread

log = logging.getLogger(__name__)
ASKED, OURS = "ACCELERATE_USE_FSDP", "LUSIFER_USE_FSDP"


def take_over() -> None:
    """Do the sharding that `accelerate launch --use_fsdp` asks for here, and keep accelerate from
    doing it as well.

    Its own would leave checkpoints in pieces, and load empty weights on all processes but one.
    """
    if os.environ.get(ASKED, "false").lower() in ("true", "1"):
        os.environ |= {OURS: "true", ASKED: "false", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"}


def wanted() -> bool:
    """Whether the launch asked for FSDP, on more than one process."""
    return os.environ.get(OURS) == "true" and rank_and_world()[1] > 1


def transformers_in(model: nn.Module) -> Iterator[nn.Module]:
    """The transformers models in a module, the outermost of each, that have blocks."""
    if isinstance(model, PreTrainedModel):
        if any(isinstance(module, nn.ModuleList) for module in model.modules()):
            yield model
        return
    for child in model.children():
        yield from transformers_in(child)


def left_whole(block: nn.Module) -> set[nn.Parameter]:
    """The weights of a block that are not spread: what is trained beside what is frozen."""
    learns = {p for p in block.parameters() if p.requires_grad}
    return learns if len(learns) < len(list(block.parameters())) else set()


def spread_in_blocks(model: nn.Module) -> tuple[int, int]:
    """How many of a model's weights FSDP may spread: frozen ones, and trained ones."""
    frozen = trained = 0
    for inner in transformers_in(model):
        for block in families.blocks(inner):
            whole = left_whole(block)
            for parameter in set(block.parameters()) - whole:
                frozen += 0 if parameter.requires_grad else parameter.numel()
                trained += parameter.numel() if parameter.requires_grad else 0
    return frozen, trained


def elsewhere(model: nn.Module) -> tuple[int, int]:
    """How many of a model's frozen and trained weights the other processes will keep; none where the launch
    did not ask for FSDP.
    """
    if not wanted():
        return 0, 0
    frozen, trained = spread_in_blocks(model)
    share = 1 - 1 / rank_and_world()[1]
    return int(share * frozen), int(share * trained)


def shard(*models: nn.Module) -> None:
    """Spread the weights of some models' blocks where the launch asked for it; a model that is spread
    already stays so.

    Args:
        models: with what is trained of them marked; on the CPU where one of them alone would fill a GPU.
    """
    if not wanted():
        return
    from torch.distributed.fsdp import FSDPModule, fully_shard

    inner = [part for model in models for part in transformers_in(model)]
    blocks = [block for part in inner for block in families.blocks(part)]
    if any(isinstance(block, FSDPModule) for block in blocks):
        return
    sizes = [sum(spread_in_blocks(model)[i] for model in models) for i in (0, 1)]
    for block in blocks:
        fully_shard(block, reshard_after_forward=True, ignored_params=left_whole(block))
    local = [0, 0]
    for block in blocks:
        for p in block.parameters():
            if is_spread(p):
                local[p.requires_grad] += p.to_local().numel()  # type: ignore[attr-defined]
    if rank_and_world()[0]:
        return
    if not blocks:
        log.warning(
            "FSDP: the model has no blocks of a transformer, so DDP keeps all on each process"
        )
    for kept, whole, kind in zip(local, sizes, ("frozen", "trained"), strict=True):
        if whole:
            log.warning("FSDP: each process keeps %d of %d %s weights", kept, whole, kind)
