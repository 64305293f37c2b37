"""A vector for each word of a sentence: what a transformer makes of it there, or, of a model that does
not show its states, the vector of the word by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import regex

from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from lusifer.models import Embedder, Vectors

DEPTH = (
    0.5  # of the layers: measured on multilingual-e5-small; SimAlign takes two thirds of mBERT's
)
WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}]|\p{N}+(?:[.,]\p{N}+)*|[\p{L}\p{M}]+(?:['’\-][\p{L}\p{M}]+)*|[^\s\p{L}\p{M}\p{N}]"
)


def split_words(text: str) -> list[str]:
    """The words of a sentence, and its marks; a Han character or kana is one."""
    return WORD.findall(text)


def word_states(model: Embedder, words: Sequence[str], layer: int | None = None) -> Vectors:
    """A vector (n, width) of each word.

    Args:
        model: any embedder; of a sentence-transformers model with a transformer the states of a
            layer, in the sentence, are taken.
        words: of one sentence, in order.
        layer: counted from 1; without it the one at half of the depth.

    Raises:
        LusiferError: for a layer that the model does not have.
    """
    inner, tokenizer = _transformer(model)
    if inner is None:
        if layer is not None:
            raise LusiferError("this model shows no layers; leave the layer out")
        return model.encode(list(words))
    import torch

    depth = int(inner.config.num_hidden_layers)
    layer = max(1, round(DEPTH * depth)) if layer is None else layer
    if not 1 <= layer <= depth:
        raise LusiferError(f"layer is {layer}; the model has layers 1 to {depth}")
    longest = min(int(getattr(tokenizer, "model_max_length", 512)), 512)
    made = tokenizer(
        list(words),
        is_split_into_words=True,
        return_tensors="pt",
        truncation=True,
        max_length=longest,
    )
    owners = made.word_ids(0)
    with torch.no_grad():
        states = inner(
            input_ids=made["input_ids"].to(inner.device),
            attention_mask=made["attention_mask"].to(inner.device),
            output_hidden_states=True,
        ).hidden_states[layer][0]
    shown = states.float().cpu().numpy()
    sums = np.zeros((len(words), shown.shape[1]), dtype=np.float32)
    counts = np.zeros((len(words), 1), dtype=np.float32)
    for owner, state in zip(owners, shown, strict=True):
        if owner is not None:
            sums[owner] += state
            counts[owner] += 1
    return np.asarray(sums / np.maximum(counts, 1), dtype=np.float32)


def _transformer(model: Embedder) -> tuple[Any, Any]:
    """A model's transformer and its fast tokenizer, where it is made of these."""
    if find_spec("torch") is None:
        return None, None
    from lusifer.models import TorchEmbedder

    if not isinstance(model, TorchEmbedder):
        return None, None
    inner = getattr(model.model[0], "auto_model", None)
    tokenizer = model.model.tokenizer
    if inner is None or not getattr(tokenizer, "is_fast", False):
        return None, None
    return inner, tokenizer
