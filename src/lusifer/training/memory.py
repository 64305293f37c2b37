"""How much memory a run takes on one process: an estimate, before anything is trained.

Method: the weights, gradients and two moments of what is trained, and what a step keeps for its
backward pass. That is counted where a model is at hand: two and four rows of a real batch are read
once, and every tensor that autograd saves is added up (`kept_by_batch`); where there is none
(bridges of billions of parameters), it comes from the configuration (`kept_by_layers`). Cost: two
small forward passes. `python benchmarks/training.py` sets it beside the peak of real runs; see
docs/train.md. Not a bound: a batch of unusually long texts takes more than those that were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from lusifer.models import tokenise
from lusifer.training.device import device_type
from lusifer.training.distributed import elsewhere
from lusifer.training.loop import attention_for_training
from lusifer.training.optim import use_bf16
from lusifer.training.processes import Batch, own_slice

# Bytes that Python, torch, transformers and their libraries take by themselves.
PROCESS = 700_000_000
# On a CPU the C library keeps blocks that were freed, in pieces too small for the next layer's: the
# peak lies above the sum of what is alive by this share of what a step keeps.
PIECES = 1.3
OF_MANY_SHAPES = 3.0  # the same where mini-batches of many shapes follow each other
FIRST = 8  # batches that a dry run looks at
# Bytes that a layer keeps of a token and number in bf16: where its weights learn (adapters keep as
# much), and where gradients only pass through it; and of a token, head and further token where
# attention is not one fused kernel.
LEARNT, PASSED, RECOMPUTED, ATTENTION = 55, 33, 4, 4


def training_bytes(weights: int, trained: int, kept: int = 0, *, cached: bool = False) -> int:
    """The whole of one process.

    Args:
        weights: bytes of the parameters.
        trained: how many parameters learn; gradients and two moments of them are in fp32.
        kept: bytes that a step keeps for its backward pass.
        cached: whether it reads mini-batches, by their tokens.

    Returns:
        Bytes; on a GPU those of its memory.
    """
    gpu = device_type() != "cpu"
    share = 1.0 if gpu else OF_MANY_SHAPES if cached else PIECES
    return int(weights + trained * 12 + kept * share + (0 if gpu else PROCESS))


def model_plan(model: torch.nn.Module, kept: int, *, cached: bool = False) -> dict[str, Any]:
    """What a dry run says of a model that is trained in fp32.

    Args:
        model: with what is trained of it marked; it may be on the meta device.
        kept: bytes that a step keeps for its backward pass.
        cached: whether it reads mini-batches, by their tokens.

    Returns:
        `parameters`, total and trained, and `memory_bytes` of a process: where FSDP spreads weights,
        without what the others keep.
    """
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen, learnt = elsewhere(model)
    return {
        "parameters": {"total": total, "trained": trained},
        "memory_bytes": training_bytes(
            (total - frozen - learnt) * 4, trained - learnt, kept, cached=cached
        ),
    }


def kept_by_layers(
    tokens: int,
    length: int,
    config: Any,
    *,
    learns: bool = True,
    passes: bool = True,
    recompute: bool = False,
) -> int:
    """What the layers of a configuration keep of a step's tokens.

    Args:
        tokens: in a step, padding included.
        length: of its texts.
        config: a transformers configuration.
        learns: whether its own weights are trained.
        passes: whether anything before it is.
        recompute: whether gradient checkpointing is on.

    Returns:
        Bytes.
    """
    if not (learns or passes):
        return 0
    layers, width = int(config.num_hidden_layers), int(config.hidden_size)
    heads = 0 if device_type() != "cpu" else int(config.num_attention_heads)
    layer = (LEARNT if learns else PASSED) * width + ATTENTION * heads * length
    return int(tokens * (layer + RECOMPUTED * layers * width if recompute else layer * layers))


def kept_by_batch(
    model: torch.nn.Module,
    read: Callable[[Mapping[str, torch.Tensor]], Any],
    batch: Batch,
    at_once: int | None = None,
    precision: str = "auto",
) -> int:
    """What a model keeps of a batch for its backward pass, by what it keeps of two and four rows.

    Args:
        model: with the parameters that are trained marked so.
        read: embeds or scores the features of one column of texts.
        batch: of a step, `input_ids` and `attention_mask` of each column under a prefix.
        at_once: tokens of a mini-batch where gradients are cached; null reads all at once.
        precision: as `optim.precision`.

    Returns:
        Bytes.
    """
    found = []
    for column in _columns(batch):
        rows = len(column["input_ids"])
        few, more = min(2, rows), min(4, rows)
        with _in_training(model, precision):
            one = _kept(model, read, {name: value[:few].clone() for name, value in column.items()})
            two = _kept(model, read, {name: value[:more].clone() for name, value in column.items()})
        each = (two - one) / (more - few) if more > few else one / few
        if at_once is not None:
            rows = min(rows, max(1, at_once // column["input_ids"].shape[-1]))
        found.append(one - few * each + rows * each)
    return int(sum(found) if at_once is None else max(found, default=0))


def largest(batches: Callable[[int], Batch], steps: int) -> Batch:
    """Of the first batches of a run the one with most tokens, padding included; this process's part."""
    found = (own_slice([batches(step)]) for step in range(min(steps, FIRST)))
    return max(found, key=lambda batch: sum(c["input_ids"].numel() for c in _columns(batch)))


def longest_batch(model: Any, texts: Iterable[str], tokens: int) -> Batch:
    """A batch of `tokens` tokens, each row the longest of `texts` as a sentence-transformers model
    reads it: the one that keeps most.
    """
    read = tokenise(model.tokenizer, [max(texts, key=len, default="")], model.max_seq_length)
    rows = max(1, tokens // read["input_ids"].shape[1])
    return {name: value.expand(rows, -1) for name, value in read.items()}


def _columns(batch: Batch) -> Iterator[dict[str, torch.Tensor]]:
    """The features of each column of texts."""
    for name in batch:
        if name.endswith("input_ids"):
            prefix = name.removesuffix("input_ids")
            yield {
                key: batch[prefix + key]
                for key in ("input_ids", "attention_mask", "token_type_ids")
                if prefix + key in batch
            }


def _kept(
    model: torch.nn.Module,
    read: Callable[[Mapping[str, torch.Tensor]], Any],
    features: Mapping[str, torch.Tensor],
) -> int:
    """Bytes of the tensors that autograd saves, each once, parameters not among them."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: dict[
        int, tuple[int, torch.Tensor]
    ] = {}  # tensors are held, so that no address is reused

    def save(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        out = read(features)
    del out
    return sum(size for size, _ in saved.values())


@contextmanager
def _in_training(model: torch.nn.Module, precision: str) -> Iterator[None]:
    """As a step reads a batch: dropout, precision and attention; the model's mode and the random
    numbers are put back.
    """
    was, device = model.training, next(model.parameters()).device.type
    model.train()
    try:
        with (
            torch.random.fork_rng(),
            attention_for_training(),
            torch.autocast(device, torch.bfloat16, enabled=use_bf16(precision)),
        ):
            yield
    finally:
        model.train(was)
