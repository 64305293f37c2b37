"""A smaller encoder out of a larger one: the pieces that a corpus needs, the layers that are asked
for. Nothing is trained.

Method: pieces are counted on the corpus and the most frequent are kept (lm-vocab-trimmer's idea),
all special ones with them, in their old order; rows of the table go with their pieces. So a text
that is spelt as before has the same vector as before, while all layers are kept. Layers are picked
by number (the start of a distilled student: Sanh et al., arXiv 1910.01108). Cost: one pass of the
tokenizer over the corpus. Not for languages that the corpus lacks: their texts fall to shorter
pieces or to the unknown one. Tokenizers of the kind Unigram (XLM-R, mE5, T5) alone.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lusifer.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

BLOCK = 20_000


def count_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> npt.NDArray[np.int64]:
    """How often each piece occurs in `texts`, shape (pieces,)."""
    counts = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    stream = iter(texts)
    while block := list(islice(stream, BLOCK)):
        for encoding in tokenizer.encode_batch_fast(block, add_special_tokens=False):
            np.add.at(counts, encoding.ids, 1)
    return counts


def wanted_pieces(
    tokenizer: Tokenizer, counts: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.int64]:
    """The old ids of the pieces to keep, rising: every special one, then the most frequent.

    Args:
        tokenizer: of the kind Unigram.
        counts: of each piece, (pieces,).
        size: how many pieces to keep, at most.

    Returns:
        The ids, (kept,); fewer than `size` where fewer pieces occur.

    Raises:
        ConfigError: where `size` does not hold the special pieces.
        ModelError: where the tokenizer is of another kind.
    """
    document = _document(tokenizer)
    special = {int(added["id"]) for added in document["added_tokens"]} | {
        int(document["model"]["unk_id"])
    }
    if size <= len(special):
        raise ConfigError(
            f"the vocabulary's size is {size}; its special pieces alone are {len(special)}"
        )
    ranked = np.argsort(-counts, kind="stable")
    often = [int(i) for i in ranked if counts[i] and int(i) not in special][: size - len(special)]
    return np.array(sorted(special | set(often)), dtype=np.int64)


def trim_tokenizer(tokenizer: Tokenizer, keep: npt.NDArray[np.int64]) -> Tokenizer:
    """The tokenizer with the pieces `keep` (old ids, rising) alone, numbered anew in that order.

    Raises:
        ModelError: where it is not of the kind Unigram.
    """
    from tokenizers import Tokenizer

    document = _document(tokenizer)
    model = document["model"]
    new = {int(old): i for i, old in enumerate(keep)}
    scores = dict(enumerate(model["vocab"]))
    contents = {int(added["id"]): added["content"] for added in document["added_tokens"]}
    model["vocab"] = [
        [contents[int(i)], 0.0] if int(i) in contents else scores[int(i)] for i in keep
    ]
    model["unk_id"] = new[int(model["unk_id"])]
    for added in document["added_tokens"]:
        added["id"] = new[int(added["id"])]
    for special in ((document.get("post_processor") or {}).get("special_tokens") or {}).values():
        special["ids"] = [new[int(i)] for i in special["ids"]]
    made: Tokenizer = Tokenizer.from_str(json.dumps(document, ensure_ascii=False))
    return made


def _document(tokenizer: Tokenizer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    kind = document["model"]["type"]
    if kind != "Unigram":
        raise ModelError(f"a tokenizer of the kind {kind} cannot be trimmed; Unigram can")
    return document


def trim(
    model: SentenceTransformer, keep: npt.NDArray[np.int64], layers: Sequence[int] | None = None
) -> SentenceTransformer:
    """A copy of an encoder with the pieces `keep` and the layers named alone.

    Args:
        model: a transformer of the BERT kind with a Unigram tokenizer, its pooling after it.
        keep: old ids of the pieces, rising, from `wanted_pieces`.
        layers: numbers of the layers to keep, from 0, in their new order; None for all.

    Returns:
        The copy; with all layers, texts that are spelt as before have the vectors that they had.

    Raises:
        ConfigError: for a layer that the model does not have.
        ModelError: for a model of another kind.
    """
    from transformers import PreTrainedTokenizerFast

    made = copy.deepcopy(model)
    first: Any = made[0]
    inner = first.auto_model
    stack = getattr(getattr(inner, "encoder", None), "layer", None)
    if stack is None:
        raise ModelError(
            f"a model of the kind {inner.config.model_type!r} cannot be trimmed; BERT's kind can (BERT, XLM-R, mE5)"
        )
    if layers is not None:
        if not layers or min(layers) < 0 or max(layers) >= len(stack):
            raise ConfigError(f"layers are {list(layers)}; the model's are 0 to {len(stack) - 1}")
        inner.encoder.layer = nn.ModuleList(copy.deepcopy(stack[i]) for i in layers)
        inner.config.num_hidden_layers = len(layers)
    old: Any = first.tokenizer
    backend = trim_tokenizer(old.backend_tokenizer, keep)
    names = (
        "bos_token",
        "eos_token",
        "unk_token",
        "sep_token",
        "pad_token",
        "cls_token",
        "mask_token",
    )
    special = {
        name: str(getattr(old, name)) for name in names if getattr(old, name, None) is not None
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=old.model_max_length, **special
    )
    table = inner.get_input_embeddings()
    rows = nn.Embedding(len(keep), table.weight.shape[1], padding_idx=tokenizer.pad_token_id)
    with torch.no_grad():
        rows.weight.copy_(table.weight[torch.from_numpy(keep)])
    inner.set_input_embeddings(rows.to(table.weight.dtype))
    inner.config.vocab_size, inner.config.pad_token_id = len(keep), tokenizer.pad_token_id
    first.processor = tokenizer
    return made
