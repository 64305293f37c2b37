"""Weights that FSDP has spread over the processes: put together, put back, made whole again.

Method: a spread weight is a torch `DTensor` (`training/distributed.py` makes them). What is written is
whole, so that a checkpoint and a model are those of one process; what is read is whole, and each process
keeps its own part. Cost: putting together sends each weight once, and the first process holds all of
them. Not for a pass of the model: its blocks gather their weights themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def is_spread(tensor: Any) -> bool:
    """Whether a weight lies in parts on the processes."""
    return hasattr(tensor, "to_local")


def learns_spread(model: nn.Module) -> bool:
    """Whether any weight that is trained is spread."""
    return any(p.requires_grad and is_spread(p) for p in model.parameters())


def put_together(
    weights: Mapping[str, torch.Tensor], *, keep: bool = True
) -> dict[str, torch.Tensor]:
    """Some weights whole, on the CPU. Where one is spread, every process has to ask for the same.

    Args:
        weights: by name, spread or not.
        keep: whether this process wants them; the others get none.

    Returns:
        By the same names, detached; nothing without `keep`.
    """
    found = {}
    for name, weight in weights.items():
        whole: torch.Tensor = weight.detach()
        if is_spread(whole):
            whole = whole.full_tensor()  # type: ignore[attr-defined]
        if keep:
            found[name] = whole.cpu().contiguous()
    return found


def own_part(place: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """What this process keeps of a whole tensor, laid out as `place` is; the tensor itself where that is
    not spread.
    """
    if not is_spread(place):
        return whole
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = place.device_mesh, place.placements  # type: ignore[attr-defined]
    # Each process has the whole already, so that none has to send it.
    return distribute_tensor(whole.to(place.device), mesh, placements, src_data_rank=None)


def put_back(place: torch.Tensor, whole: torch.Tensor) -> None:
    """Copy a whole weight into its place, spread or not."""
    with torch.no_grad():
        place.copy_(own_part(place, whole.to(place.dtype)))


def make_whole(model: nn.Module, *, keep: bool) -> None:
    """Have a model's spread weights lie on one process again, as plain ones that no process waits for.
    Every process has to ask.

    Args:
        model: with blocks that `fully_shard` has spread; others are left alone.
        keep: whether this process gets the weights; on the others the model is of no use any more.
    """
    from torch.distributed.fsdp import FSDPModule

    for module in list(model.modules()):
        for name, place in list(module.named_parameters(recurse=False)):
            if is_spread(place):
                whole = put_together({name: place}, keep=keep).get(name, torch.empty(0))
                learns = place.requires_grad
                setattr(module, name, nn.Parameter(whole, requires_grad=learns))
    blocks = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for module in blocks:
        state = module._get_fsdp_state()
        state._pre_forward_hook_handle.remove()
        state._post_forward_hook_handle.remove()
        # torch had one group a block, by another name, before it had several.
        for group in getattr(state, "_fsdp_param_groups", None) or [state._fsdp_param_group]:
            for hooks in (
                group._module_to_pre_save_state_dict_hook_handle,
                group._module_to_pre_load_state_dict_hook_handle,
            ):
                for hook in hooks.values():
                    hook.remove()
        # FSDP gave the block a class of its own, made of its wrapper and the block's class.
        module.__class__ = type(module).__mro__[2]
    if blocks and keep:
        model.to("cpu")  # where the weights were put together
