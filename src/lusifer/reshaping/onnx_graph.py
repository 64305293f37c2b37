"""What a model is traced as: one module from ids and mask to unit vectors, its large tables in eight or
four bits, and the ONNX file of it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lusifer.errors import ModelError
from lusifer.models import four_bit, quantise_rows

OPSET = 17
TABLE = 1024  # an embedding of at least so many rows is kept as int8
INPUTS = ("input_ids", "attention_mask")


class ExportGraph(nn.Module):
    """Ids and mask → unit vectors, all modules in a row."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        features: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        for module in self.model:
            features = module(features)
        return F.normalize(features["sentence_embedding"], dim=-1)


class Int8Embedding(nn.Module):
    """A table whose rows are int8, each with a scale."""

    rows: torch.Tensor
    scale: torch.Tensor

    def __init__(self, table: nn.Embedding, factor: float) -> None:
        super().__init__()
        rows, scale = quantise_rows(table.weight.detach())
        self.register_buffer("rows", rows)
        self.register_buffer("scale", scale * factor)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.rows[ids].float() * self.scale[ids][..., None]


class FourBitTable(nn.Module):
    """A table whose rows are kept in four bits (`models/four_bit.py`); those that are read are
    restored in the graph.
    """

    packed: torch.Tensor
    scale: torch.Tensor

    def __init__(self, table: nn.Embedding, factor: float) -> None:
        super().__init__()
        packed, scale = four_bit.quantise(table.weight.detach())
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)
        self.factor = factor

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        packed, scale = self.packed[ids], self.scale[ids].float() * self.factor
        both = packed.float().reshape(*ids.shape, scale.shape[-1], four_bit.HALF)
        high = (both / 16).floor()  # by arithmetic: ONNX has no bitwise operators at this version
        levels = torch.cat([both - 16 * high, high], -1) - 8
        return (levels * scale[..., None]).reshape(*ids.shape, 2 * packed.shape[-1])


def shrink_tables(model: nn.Module, bits: int) -> None:
    """Put integer rows, of 8 or 4 bits, in place of a model's large embeddings."""
    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.Embedding) and len(module.weight) >= TABLE:
                table = FourBitTable if bits == 4 else Int8Embedding
                factor = float(getattr(module, "scalar_embed_scale", 1.0))
                setattr(parent, name, table(module, factor))


def trace(module: nn.Module, file: Path, *, fold: bool) -> None:
    """Write a module, ids and mask (n, length) → vectors (n, dim), as ONNX. Without `fold` what is
    int8 stays int8 in the file.

    Raises ModelError where the module holds what ONNX has no operator for.
    """
    ids = torch.ones((2, 6), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    free = {0: "texts", 1: "length"}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the exporter that needs no further package calls itself old
        try:
            torch.onnx.export(
                module,
                (ids, mask),
                str(file),
                input_names=list(INPUTS),
                output_names=["vectors"],
                dynamic_axes={"input_ids": free, "attention_mask": free, "vectors": {0: "texts"}},
                opset_version=OPSET,
                do_constant_folding=fold,
                dynamo=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise ModelError(
                f"the model cannot be traced as ONNX ({' '.join(str(error).split())[:200]})"
            ) from error
