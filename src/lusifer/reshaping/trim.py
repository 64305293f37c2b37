"""A smaller model out of a larger one: the pieces that a corpus needs, the layers that are asked
for. Nothing is trained.

Method: rows of the table go with their pieces (`reshaping/pieces.py`), so a text that is spelt as
before has the same vector as before, while all layers are kept. Layers are picked by number (the
start of a distilled student: Sanh et al., arXiv 1910.01108). Cost: a copy of the model. Not for a
model whose vectors have a number for each piece (SPLADE).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lusifer.errors import ConfigError, ModelError
from lusifer.models import Bridge, families
from lusifer.reshaping.pieces import trim_tokenizer

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def trim(
    model: SentenceTransformer,
    keep: npt.NDArray[np.int64] | None,
    layers: Sequence[int] | None = None,
) -> SentenceTransformer:
    """A copy of a model with the pieces `keep` and the layers named alone.

    Args:
        model: a transformer (encoder or decoder), a table of words, or a bridge, whose encoder is
            trimmed: adapters are folded in, since it is no longer the base that they go with.
        keep: old ids of the pieces, rising, from `wanted_pieces`; None for all.
        layers: numbers of the layers to keep, from 0, in their new order; None for all.

    Returns:
        The copy; with all layers, texts that are spelt as before have the vectors that they had.

    Raises:
        ConfigError: for a layer that the model does not have.
        ModelError: for a model of another kind.
    """
    made = copy.deepcopy(model)
    first: Any = made[0]
    backend = None if keep is None else trim_tokenizer(vocabulary_of(made), keep)
    if hasattr(first, "embedding"):
        if layers is not None:
            raise ConfigError("layers are named; a table of words has none")
        if keep is not None:
            _cut(first, first.embedding, keep)
            first.tokenizer = backend
        return made
    if isinstance(first, Bridge):
        made[0] = first = first.merged()
    inner = first.encoder if isinstance(first, Bridge) else first.auto_model
    if layers is not None:
        _pick(inner, layers)
    if keep is None:
        return made
    whole = wrapped(first.tokenizer, backend)
    _renumber(inner, keep, whole)
    read_with(first, whole)
    return made


def read_with(first: Any, tokenizer: Any) -> None:
    """Give a model's first module another tokenizer, and what it has made of the old one anew.

    Args:
        first: a transformer, or a bridge.
        tokenizer: transformers' own.
    """
    if not isinstance(first, Bridge):
        first.processor = tokenizer
        return
    first.tokenizer = tokenizer
    if first.words is not None:
        first.words = type(first.words)(tokenizer)


def vocabulary_of(model: SentenceTransformer) -> Any:
    """The `tokenizers.Tokenizer` that a model reads with.

    Args:
        model: as for `trim`.

    Returns:
        The tokenizer, the model's own.

    Raises:
        ModelError: for a model that cannot be trimmed.
    """
    first: Any = model[0]
    if hasattr(first, "embedding") and hasattr(first.tokenizer, "to_str"):
        return first.tokenizer
    if not isinstance(first, Bridge) and not hasattr(first, "auto_model"):
        raise ModelError(f"a model that begins with {type(first).__name__} cannot be trimmed")
    if any(type(module).__name__ == "SpladePooling" for module in model):
        raise ModelError(
            "a model whose vectors have a number for each piece (SPLADE) cannot be trimmed: they would be others"
        )
    backend = getattr(first.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"a tokenizer without tokenizer.json ({type(first.tokenizer).__name__}) cannot be trimmed"
        )
    return backend


def _cut(inner: nn.Module, table: Any, keep: npt.NDArray[np.int64]) -> None:
    """Leave a table the rows named."""
    old = table.weight
    set_rows(inner, table, old.detach()[torch.from_numpy(keep).to(old.device)].clone())


def set_rows(inner: nn.Module, table: Any, rows: torch.Tensor) -> None:
    """Give a table other rows, in place: a kind of table that scales its rows stays that kind, and what
    shares its rows goes on sharing them.

    Args:
        inner: the model.
        table: its table, or head.
        rows: (pieces, dim).
    """
    old = table.weight
    made = nn.Parameter(rows.to(old.dtype), requires_grad=old.requires_grad)
    for module in [m for m in inner.modules() if getattr(m, "weight", None) is old]:
        module.weight = made
        for size in ("num_embeddings", "out_features"):
            if hasattr(module, size):
                setattr(module, size, len(rows))


def _pick(inner: Any, layers: Sequence[int]) -> None:
    """Leave a model the layers named."""
    name, stack = next(
        ((n, m) for n, m in inner.named_modules() if isinstance(m, nn.ModuleList)), ("", None)
    )
    if stack is None:
        raise ModelError(f"a model of the kind {inner.config.model_type!r} has no list of layers")
    if not layers or min(layers) < 0 or max(layers) >= len(stack):
        raise ConfigError(f"layers are {list(layers)}; the model's are 0 to {len(stack) - 1}")
    if layers[0] and stack[0].state_dict().keys() != stack[layers[0]].state_dict().keys():
        raise ConfigError(
            f"layers are {list(layers)}; this model's layer 0 is unlike the others, and must come first"
        )
    inner.set_submodule(name, nn.ModuleList(copy.deepcopy(stack[i]) for i in layers))
    config = inner.config
    for key in ("num_hidden_layers", "num_layers", "n_layers"):
        if key in config.to_dict():
            setattr(config, key, len(layers))
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i] for i in layers]
    for number, layer in enumerate(families.blocks(inner)):
        for module in layer.modules():
            if isinstance(getattr(module, "layer_idx", None), int):
                module.layer_idx = number  # type: ignore[assignment]


def wrapped(old: Any, backend: Any) -> Any:
    """A transformers tokenizer around another backend, with all that the old one says of itself."""
    from transformers import PreTrainedTokenizerFast

    named = {k: str(v) for k, v in old.special_tokens_map.items() if not isinstance(v, list)}
    more = [str(token) for token in getattr(old, "extra_special_tokens", None) or []]
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=old.model_max_length,
        model_input_names=list(old.model_input_names),
        padding_side=old.padding_side,
        truncation_side=old.truncation_side,
        clean_up_tokenization_spaces=bool(old.clean_up_tokenization_spaces),
        chat_template=old.chat_template,
        **({"extra_special_tokens": more} if more else {}),
        **named,
    )


def _renumber(inner: Any, keep: npt.NDArray[np.int64], tokenizer: Any) -> None:
    """Cut a transformers model's tables, and give its configuration the new numbers of the pieces it
    names.
    """
    new = {int(old): number for number, old in enumerate(keep)}
    table = inner.get_input_embeddings()
    padding = table.padding_idx
    for name, module in inner.named_modules():
        if isinstance(module, nn.Embedding) and "per_layer" in name:
            raise ModelError(
                f"a model with a table of pieces for its layers ({name}) cannot be trimmed"
            )
        counted = module is not table and getattr(module, "padding_idx", None) == padding
        if padding is not None and counted and new.get(padding) != padding:
            raise ModelError(
                "the padding piece would get another number, from which the model counts positions"
            )
    _cut(inner, table, keep)
    table.padding_idx = None if padding is None else new.get(padding)
    head = inner.get_output_embeddings()
    if head is not None and len(head.weight) != len(keep):
        _cut(inner, head, keep)
    for config in (inner.config, getattr(inner, "generation_config", None)):
        for key, value in (config.to_dict() if config is not None else {}).items():
            if not key.endswith("_token_id") or value is None:
                continue
            if isinstance(value, list):
                setattr(config, key, [new[i] for i in value if i in new])
            else:
                setattr(config, key, new.get(value))
    inner.config.vocab_size = len(keep)
    if tokenizer.pad_token_id is not None:
        inner.config.pad_token_id = tokenizer.pad_token_id
