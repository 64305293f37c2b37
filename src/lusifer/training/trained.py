"""What is trained of a model, in a checkpoint of that alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from lusifer.errors import LusiferError
from lusifer.models import TRAINED
from lusifer.training.spread import put_back, put_together


def trained(model: Any) -> dict[str, Any]:
    """What is trained of a model, by name; of several that are one tensor the first."""
    inner = getattr(model, "module", model)
    return {name: p for name, p in inner.named_parameters() if p.requires_grad}


def write_trained(weights: dict[str, torch.Tensor], folder: Path, *, write: bool) -> None:
    """Write weights whole; every process has to ask, and those without `write` only give their part."""
    state = put_together(weights, keep=write)
    if write:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(state, folder / TRAINED)


def read_trained(weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Put a checkpoint's weights back in their places, exactly those that are expected.

    Raises:
        LusiferError: where the checkpoint holds others.
    """
    state = load_file(folder / TRAINED)
    if wrong := sorted(state.keys() ^ weights.keys()):
        verb = "lacks" if wrong[0] in weights else "has an unexpected"
        raise LusiferError(
            f"{folder / TRAINED}: {verb} tensor {wrong[0]!r} (and {len(wrong) - 1} more); it is another recipe's"
        )
    for name, value in state.items():
        put_back(weights[name], value)
