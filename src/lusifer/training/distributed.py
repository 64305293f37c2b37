"""FSDP for what does not learn: the frozen weights of a model's blocks, beside adapters or in a bridge, spread
over the processes.

Method: torch's `fully_shard` (FSDP2; arXiv 2304.11277) on every block of a model that is not
trained whole. A block's frozen weights are gathered for its forward and its backward pass and
dropped after each. What learns (adapters, connector) is small: it stays whole on each process and
DDP averages its gradients, so that checkpoints, and the model, are those of one process. Memory:
frozen blocks / processes, and one block whole. Cost: two gathers of each block a step. Not for a
part that is trained whole (`train: full`, or a stage without `lora`): nothing of it is spread.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from torch import nn

from lusifer.errors import LusiferError
from lusifer.models import families
from lusifer.training.loop import rank_and_world

log = logging.getLogger(__name__)
ASKED, OURS = "ACCELERATE_USE_FSDP", "LUSIFER_USE_FSDP"


def take_over(stage: str, spreads: Callable[[], bool]) -> None:
    """Do the sharding that `accelerate launch --use_fsdp` asks for here, and keep accelerate from
    doing it as well.

    Its own would spread what is trained, leave checkpoints in pieces, and load empty weights on all
    processes but one.
    """
    if os.environ.get(ASKED, "false").lower() in ("true", "1"):
        os.environ |= {OURS: "true", ASKED: "false", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"}
        if not spreads():
            log.warning(
                "stage %s trains all of its weights: it runs on the processes by DDP, and FSDP spreads nothing",
                stage,
            )


def wanted() -> bool:
    """Whether the launch asked for FSDP, on more than one process."""
    return os.environ.get(OURS) == "true" and rank_and_world()[1] > 1


def frozen_in_blocks(model: nn.Module) -> int:
    """The number of a model's weights that FSDP may spread: in its blocks, and not trained."""
    return sum(
        p.numel()
        for block in families.blocks(model)
        for p in block.parameters()
        if not p.requires_grad
    )


def shard_frozen(*models: nn.Module) -> None:
    """Spread the frozen weights of some transformers' blocks where the launch asked for it.

    Args:
        models: on the CPU, with what is trained of them marked.

    Raises:
        LusiferError: where nothing is frozen.
    """
    if not wanted():
        return
    from torch.distributed.fsdp import fully_shard

    whole, local = sum(map(frozen_in_blocks, models)), 0
    if not whole:
        raise LusiferError(
            "FSDP spreads frozen weights, and this recipe trains all of them; launch with --multi_gpu (DDP)"
        )
    for model in models:
        for block in families.blocks(model):
            fully_shard(
                block,
                reshard_after_forward=True,
                ignored_params={p for p in block.parameters() if p.requires_grad},
            )
            local += sum(p.to_local().numel() for p in block.parameters() if hasattr(p, "to_local"))
    if not rank_and_world()[0]:
        log.warning("FSDP: each process keeps %d of %d frozen weights", local, whole)
