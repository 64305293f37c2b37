"""Rows of a table in four bits: blocks of 32 numbers, each block with a scale (llama.cpp's Q4_0).

Method: a block is kept as round(x / s) + 8 in four bits, where s = m / -8 and m is the number of
the block that is farthest from 0. What was kept so once is kept so again without a change. Cost:
4.5 bits a number with half-precision scales, a seventh of fp32. Error: a cosine of about .996 to a
row of Gaussian numbers; a table that is trained through `FourBitEmbedding` learns around it. Not
for layers, whose outputs feel each weight: int8 there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from lusifer.errors import ModelError

BLOCK = 32
HALF = BLOCK // 2


def quantise(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keep rows in four bits.

    Args:
        rows: (n, d) floats; d is a multiple of 32.

    Returns:
        (n, d / 2) uint8, of which byte j of a block's 16 holds number j in its low half and number
        j + 16 in its high half, and the scales, (n, d / 32) float16.

    Raises:
        ModelError: where d is no multiple of 32.
    """
    levels, scale = _levels(rows)
    n, blocks, _ = levels.shape
    whole = levels.to(torch.uint8)
    return (whole[..., :HALF] | (whole[..., HALF:] << 4)).reshape(n, blocks * HALF), scale.half()


def restore(packed: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The floats, (n, d), that `quantise` kept as (n, d / 2) uint8 and (n, d / 32) scales."""
    blocks = packed.reshape(len(packed), -1, HALF)
    levels = torch.cat([blocks & 15, blocks >> 4], -1).float() - 8
    return (levels * scale.float()[..., None]).reshape(len(packed), -1)


def rounded(rows: torch.Tensor) -> torch.Tensor:
    """Rows (n, d) as they come back from four bits; the gradient passes as if they had not been
    rounded.
    """
    levels, scale = _levels(rows.detach())
    near = ((levels - 8) * scale.half().float()[..., None]).reshape(rows.shape)
    return rows + (near - rows).detach()


def _levels(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each number's level, 0 to 15, (n, blocks, 32), and the scales, (n, blocks), as half precision
    holds them.
    """
    if rows.shape[-1] % BLOCK:
        raise ModelError(
            f"rows of {rows.shape[-1]} numbers cannot be kept in four bits: they come in blocks of {BLOCK}"
        )
    blocks = rows.float().reshape(len(rows), -1, BLOCK)
    extreme = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    scale = (extreme / -8).half().float()
    safe = torch.where(scale == 0, torch.ones_like(scale), scale)
    return (blocks / safe).round().add(8).clamp(0, 15), scale[..., 0]


class FourBitEmbedding(nn.Embedding):
    """A table that is trained as it will be kept: the rows that are read are rounded to four bits
    on the way.
    """

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        rows = F.embedding(ids, self.weight, self.padding_idx)
        return rounded(rows.reshape(-1, rows.shape[-1])).reshape(rows.shape)
