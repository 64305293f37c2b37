"""Transformer layers over a static table, and the ONNX folder that they are written as.

Method: the table's rows go through pre-norm layers (rotary positions) whose output projections
start at zero, so that an untrained encoder is the table itself. Cost: some 300 times the table's
for each text on two cores. Not where texts are a few words: `static_context` says how it is taught.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lusifer.io import replacing_folder, write_json, write_text
from lusifer.models import TOKENIZER, StaticEmbedder, quantise_rows
from lusifer.reshaping import trace


@dataclass(frozen=True)
class Layers:
    """The shape of what lies over the table; its width is the table's."""

    layers: int = 2
    heads: int = 4
    intermediate: int = 512

    def __post_init__(self) -> None:
        if min(self.layers, self.heads, self.intermediate) < 1:
            raise ValueError(
                f"layers, heads and intermediate are 1 or more; not {self.layers}, {self.heads}, {self.intermediate}"
            )


class Contextual(nn.Module):
    """Token ids (n, length) and their mask → states (n, length, dim). The table is kept as it is,
    unless it is trained too.
    """

    rows: torch.Tensor
    scale: torch.Tensor

    def __init__(self, table: StaticEmbedder, shape: Layers, *, train_table: bool = False) -> None:
        super().__init__()
        lengths = table.scale * np.linalg.norm(table.rows.astype(np.float32), axis=1)
        usual = float(np.sqrt(np.mean(lengths[lengths > 0] ** 2) / table.dim))
        self.register_buffer("rows", torch.from_numpy(table.rows.copy()), persistent=False)
        self.register_buffer("scale", torch.from_numpy(table.scale / usual), persistent=False)
        self.table = nn.Parameter(self.rows.float() * self.scale[:, None]) if train_table else None
        self.layers = nn.ModuleList(
            Layer(table.dim, shape.heads, shape.intermediate) for _ in range(shape.layers)
        )

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = (
            self.rows[ids].float() * self.scale[ids][..., None]
            if self.table is None
            else F.embedding(ids, self.table)
        )
        bias = (1.0 - mask.to(states.dtype))[:, None, None, :] * -1e4
        for layer in self.layers:
            states = layer(states, bias)
        return states

    def packed(self, *, int8: bool) -> Contextual:
        """A copy on the CPU as it is written: a table that was trained as int8 rows again, and with
        `int8` the layers' matrices too.
        """
        made = copy.deepcopy(self).cpu().float().eval()
        if made.table is not None:
            made.rows, made.scale = quantise_rows(made.table.detach())
            made.table = None
        if int8:
            for layer in made.layers:
                for name, module in list(layer.named_children()):
                    if isinstance(module, nn.Linear):
                        setattr(layer, name, Int8Linear(module))
        return made


class Int8Linear(nn.Module):
    """A linear layer whose weight is kept as int8 rows with a scale each; the runtime restores it
    when it loads the file.
    """

    rows: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        rows, scale = quantise_rows(linear.weight.detach())
        self.register_buffer("rows", rows)
        self.register_buffer("scale", scale[:, None])
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.rows.float() * self.scale, self.bias)


class Layer(nn.Module):
    """Pre-norm attention and a GELU network, both zero at the start."""

    def __init__(self, dim: int, heads: int, intermediate: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.qkv, self.out = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.wide, self.narrow = (
            nn.Linear(dim, intermediate),
            nn.Linear(intermediate, dim, bias=False),
        )
        for linear in (self.out, self.narrow):
            nn.init.zeros_(linear.weight)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        n, length, dim = x.shape
        q, k, v = (
            self.qkv(self.norms[0](x))
            .view(n, length, 3, self.heads, dim // self.heads)
            .permute(2, 0, 3, 1, 4)
            .unbind(0)
        )
        q, k = rotary(q), rotary(k)
        weights = (q @ k.transpose(-1, -2) * (dim // self.heads) ** -0.5 + bias).softmax(-1)
        x = x + self.out((weights.to(v.dtype) @ v).transpose(1, 2).reshape(n, length, dim))
        result: torch.Tensor = x + self.narrow(F.gelu(self.wide(self.norms[1](x))))
        return result


def rotary(x: torch.Tensor) -> torch.Tensor:
    """Rotate pairs of numbers by their position (RoFormer, arXiv 2104.09864); x is (n, heads,
    length, width).
    """
    half = x.shape[-1] // 2
    frequency = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class ContextGraph(nn.Module):
    """What the ONNX file holds: ids and mask → unit vectors; a text without a known token gets one
    fixed vector.
    """

    def __init__(self, encoder: Contextual, head: torch.Tensor | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = None if head is None else Int8Linear(_linear(head.T))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids, attention_mask)
        total = (states * attention_mask[..., None].to(states.dtype)).sum(1)
        if self.head is not None:
            total = self.head(total)
        fixed = (
            F.one_hot(torch.zeros(1, dtype=torch.int64), total.shape[-1]).to(states.dtype) * 1e-6
        )
        return F.normalize(total + fixed, dim=-1)


def _linear(weight: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = weight.contiguous()
    return linear


def save_onnx(
    folder: Path,
    encoder: Contextual,
    table: StaticEmbedder,
    *,
    max_tokens: int,
    int8: bool = False,
    head: torch.Tensor | None = None,
) -> None:
    """Write `model.onnx`, the table's tokenizer without its special tokens, and the length at which
    texts are cut.
    """
    whole = ContextGraph(encoder.packed(int8=int8), head).eval()
    tokenizer = json.loads(table.tokenizer.to_str()) | {
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }
    with replacing_folder(folder) as aside:
        trace(whole, aside / "model.onnx", fold=False)
        write_text(
            aside / TOKENIZER, json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
        )
        write_json(aside / "sentence_bert_config.json", {"max_seq_length": max_tokens})
        write_json(
            aside / "config.json", {"hidden_size": table.dim if head is None else head.shape[1]}
        )
