"""Packed weights: large tables as int8 rows with a scale each, the rest in bf16; a third of fp32,
half of bf16.

Method: row r of a table is kept as round(r / s) with s = max|r| / 127 (symmetric, per row). Error:
cosine to the original row above 0.9999. For shipping a small encoder in files below 25 MB; not for
layers that matter per element.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from lusifer.errors import ModelError
from lusifer.io import replacing_folder

TABLES, REST = "tables.packed.safetensors", "layers.packed.safetensors"
ROWS = 8192  # a matrix with at least so many rows is a table


def quantise_rows(table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, d) floats → (n, d) int8 and (n,) float32 scales."""
    scale = table.float().abs().amax(1).clamp_min(1e-12) / 127
    return torch.round(table.float() / scale[:, None]).to(torch.int8), scale


def restore_rows(rows: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The floats that `quantise_rows` kept."""
    return rows.float() * scale.float()[:, None]


def pack(folder: str | Path, into: str | Path) -> None:
    """Write a packed copy of a model folder: its weights packed, its other files as they are."""
    folder = Path(folder)
    state = {
        k: v for file in sorted(folder.glob("*.safetensors")) for k, v in load_file(file).items()
    }
    if not state:
        raise ModelError(f"{folder}: no *.safetensors weights to pack")
    tables: dict[str, torch.Tensor] = {}
    rest: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if tensor.ndim == 2 and len(tensor) >= ROWS and tensor.is_floating_point():
            tables[name], tables[f"{name}.scale"] = quantise_rows(tensor)
        else:
            floats = tensor.is_floating_point()
            rest[name] = (tensor.to(torch.bfloat16) if floats else tensor).contiguous()
    with replacing_folder(into) as aside:
        for file in folder.iterdir():
            if file.suffix != ".safetensors" and not file.name.startswith("model.safetensors"):
                (shutil.copytree if file.is_dir() else shutil.copy)(file, aside / file.name)
        save_file(tables, aside / TABLES)
        save_file(rest, aside / REST)


def is_packed(folder: str | Path) -> bool:
    """Whether the folder holds packed weights."""
    return (Path(folder) / TABLES).exists()


def unpack(folder: str | Path) -> dict[str, torch.Tensor]:
    """The state dict of a packed folder, floats as float32. Raises ModelError where a file is damaged."""
    folder = Path(folder)
    try:
        tables, rest = load_file(folder / TABLES), load_file(folder / REST)
    except Exception as error:
        raise ModelError(
            f"{folder}: the packed weights cannot be read, perhaps cut short ({error})"
        ) from error
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in rest.items()
    }
    for name, tensor in tables.items():
        if not name.endswith(".scale"):
            state[name] = restore_rows(tensor, tables[f"{name}.scale"])
    return state
