"""Transformers over texts laid end to end: no position is padding, and none is computed for
nothing.

Method: the rows of a batch become one row of all their tokens, positions beginning anew with each
text; attention is `torch.nn.attention.varlen` (flash attention, part of torch: no further wheel)
within each text alone. Without it, as on a CPU, texts are attended to one by one, which is slow and
says the same: that is what tests compare. By an allow-list: a family whose attention adds something
(a relative bias, a soft cap) stays padded.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from lusifer.models.tokenize import Ids

NAME = "lusifer_unpadded"
LEARNED = ("bert", "roberta", "xlm-roberta")  # positions are looked up
FAMILIES = (*LEARNED, "modernbert", "llama", "mistral", "qwen2", "qwen3", "gemma")
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Segments:
    """Where each text begins among a batch's tokens, (n + 1,) int32, each text's tokens, and the
    longest text's.
    """

    starts: torch.Tensor
    lengths: list[int]
    longest: int

    @classmethod
    def of(cls, lengths: list[int], device: torch.device) -> Segments:
        """The segments of texts of so many tokens."""
        starts = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        return cls(to_device(starts, device), lengths, max(lengths))

    def owners(self, total: int) -> torch.Tensor:
        """(1, T): which text each of `total` tokens is of."""
        counts = (self.starts[1:] - self.starts[:-1]).long()
        return torch.repeat_interleave(
            torch.arange(len(counts), device=counts.device), counts, output_size=total
        )[None]

    def positions(self, total: int) -> torch.Tensor:
        """(1, T): each token's place in its text."""
        position = torch.arange(total, device=self.starts.device)
        return position[None] - self.starts[:-1].long()[self.owners(total)]


_segments: ContextVar[Segments] = ContextVar("segments")  # of the batch that is being embedded


def fits(model: Any) -> bool:
    """Whether a transformers model can run so."""
    return getattr(getattr(model, "config", None), "model_type", None) in FAMILIES


def fast(model: Any, *, bf16: bool) -> bool:
    """Whether it is also faster so: a GPU, its kernel, and numbers that the kernel takes."""
    parameter, kernel = next(model.parameters()), _kernel()
    if (
        not fits(model)
        or parameter.device.type != "cuda"
        or not (bf16 or parameter.dtype in HALF)
        or kernel is None
    ):
        return False
    near = (
        getattr(model.config, "sliding_window", None) is not None
    )  # attends to a window of its text alone
    return not near or "window_size" in inspect.signature(kernel).parameters


def run(
    model: Any,
    segments: Segments,
    *,
    ids: torch.Tensor | None = None,
    embeds: torch.Tensor | None = None,
) -> torch.Tensor:
    """Last hidden states (1, T, d) of token ids (T,) or input embeddings (T, d) laid end to end."""
    given = ids if ids is not None else embeds
    assert given is not None
    extra: dict[str, Any] = {"position_ids": segments.positions(len(given))}
    if model.config.model_type in LEARNED:
        if model.config.model_type != "bert":
            extra["position_ids"] = extra["position_ids"] + model.config.pad_token_id + 1
        extra["token_type_ids"] = torch.zeros_like(extra["position_ids"])
    elif model.config.model_type != "modernbert":
        extra["use_cache"] = False
    inputs = {"input_ids": ids[None]} if ids is not None else {"inputs_embeds": given[None]}
    with _attending(model, segments):
        states: torch.Tensor = model(**inputs, **extra).last_hidden_state
    return states


def fuse(model: Any) -> None:
    """Compile the layers around their attention: norms, rotations and activations become one kernel
    each. Half a minute, once.
    """
    from lusifer.models.families import blocks

    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    for layer in blocks(model):
        layer.forward = torch.compile(layer.forward, dynamic=True)


@contextmanager
def _attending(model: Any, segments: Segments) -> Iterator[None]:
    before = model.config._attn_implementation
    model.config._attn_implementation = NAME
    outer = _segments.set(segments)
    try:
        yield
    finally:
        _segments.reset(outer)
        model.config._attn_implementation = before


@torch.compiler.disable  # type: ignore[untyped-decorator]
def attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, *,
    scaling: float | None = None, sliding_window: int | None = None, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """As transformers calls it: (1, heads, T, width) each → (1, T, heads, width)."""
    segments = _segments.get()
    causal = (
        bool(getattr(module, "is_causal", False))
        and getattr(module.config, "is_causal", True) is not False
    )
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    behind = (
        -1 if sliding_window is None or sliding_window > segments.longest else sliding_window - 1
    )
    if q.device.type == "cuda":
        return _varlen(q, k, v, segments, scaling, causal=causal, behind=behind)[None].to(
            query.dtype
        ), None
    parts = []
    for a, b, c in zip(*(torch.split(x, segments.lengths) for x in (q, k, v)), strict=True):
        parts.append(
            _one(
                a.transpose(0, 1),
                b.transpose(0, 1),
                c.transpose(0, 1),
                scaling,
                causal=causal,
                behind=behind,
            ).transpose(0, 1)
        )
    return torch.cat(parts)[None], None


def _varlen(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    segments: Segments,
    scale: float | None,
    *,
    causal: bool,
    behind: int,
) -> torch.Tensor:
    """torch's kernel, (T, heads, width); what an older one lacks is done around it."""
    kernel: Any = _kernel()
    known = inspect.signature(kernel).parameters
    kind = q.dtype if q.dtype in HALF else torch.bfloat16
    more: dict[str, Any] = (
        {"window_size": (behind, 0 if causal else behind)}
        if "window_size" in known
        else {"is_causal": causal}
    )
    if "scale" in known:
        more["scale"] = scale
    elif scale is not None:
        q = q * (scale * q.shape[-1] ** 0.5)
    if q.shape[1] != k.shape[1]:
        if "enable_gqa" in known:
            more["enable_gqa"] = True
        else:
            k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    out: torch.Tensor = kernel(
        q.to(kind).contiguous(), k.to(kind).contiguous(), v.to(kind).contiguous(), segments.starts, segments.starts,
        segments.longest, segments.longest, **more,
    )  # fmt: skip
    return out


def _one(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float | None,
    *,
    causal: bool,
    behind: int,
) -> torch.Tensor:
    """One text's attention, (heads, length, width)."""
    position = torch.arange(q.shape[1], device=q.device)
    away = position[:, None] - position[None, :]
    seen = torch.ones_like(away, dtype=torch.bool) if behind < 0 else away.abs() <= behind
    if causal:
        seen &= away >= 0
    return F.scaled_dot_product_attention(
        q[None], k[None], v[None], attn_mask=seen, scale=scale, enable_gqa=q.shape[0] != k.shape[0]
    )[0]


def _kernel() -> Any:
    """torch's own variable-length attention; None where this torch has none."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn


def mask_of(segments: Segments) -> torch.Tensor:
    """(n, longest) booleans: which positions of a padded batch are tokens."""
    lengths = segments.starts[1:] - segments.starts[:-1]
    return torch.arange(segments.longest, device=lengths.device)[None] < lengths[:, None]


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copied while the device goes on working."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def flat(rows: list[Ids], device: torch.device) -> torch.Tensor:
    """All rows' ids, end to end, (T,)."""
    return to_device(torch.from_numpy(np.concatenate(rows).astype(np.int64)), device)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)
