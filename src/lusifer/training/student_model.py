"""A student as its training finds it and leaves it: layers picked, vocabulary trimmed, a head fitted, the
table rounded to four bits, its axes evened out.

Method: `reshaping/trim.py`, then a ridge regression to the teacher's vectors behind the pooling
(`reshaping/linear_map.py`); in the end `reshaping/whiten.py`, folded into that layer. Cost: two passes over
`HEAD_TEXTS` texts. Not for a teacher whose space must be kept: leave `whiten` out then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from lusifer.models import FourBitEmbedding, rounded, sentence_transformer
from lusifer.reshaping import (
    before_normalizing,
    count_pieces,
    fit,
    linear,
    put_linear,
    trim,
    wanted_pieces,
    whitening,
)

HEAD_TEXTS = 20_000  # that the head is fitted on: some fifty a number of a vector
PENALTY = 1e-4  # of the head, relative to the variance of the untrained vectors


@dataclass(frozen=True)
class StudentStart:
    """What the student begins as: the model `base` with the `layers` named (null for all) and
    `pieces` of its vocabulary (null for all).

    `four_bits` trains the table through the four bits that an export keeps it in. `head` adds a
    linear layer after the pooling, fitted by ridge regression to the teacher's vectors before any
    training: with it the first layers, whose states mean most alike in all languages, are a better
    start than layers spread over the teacher's depth.
    """

    base: str
    layers: tuple[int, ...] | None = None
    pieces: int | None = None
    four_bits: bool = False
    head: bool = False


def starting(start: StudentStart, texts: Iterable[str]) -> SentenceTransformer:
    """The student before any training. Its prompts are gone: they are in the teacher's vectors
    already.
    """
    model = sentence_transformer(start.base, device="cpu")
    pieces = np.arange(len(model.tokenizer))
    if start.pieces is not None:
        backend = model.tokenizer.backend_tokenizer
        pieces = wanted_pieces(backend, count_pieces(backend, texts), start.pieces)
    if start.pieces is not None or start.layers is not None:
        model = trim(model, pieces, start.layers)
    model.prompts, model.default_prompt_name = {}, None
    return model


def add_head(
    model: SentenceTransformer, texts: list[str], vectors: npt.NDArray[np.float16]
) -> None:
    """Put a linear layer behind the model's pooling: the ridge regression from its untrained
    vectors to the teacher's, (n, d).
    """
    index, own = before_normalizing(model, texts)
    penalty = PENALTY * float(own.var(0).sum())
    head = linear(*fit("ridge", own, vectors.astype(np.float32), penalty))
    model.insert(index, head.to(model.device))


def whiten(model: SentenceTransformer, texts: list[str], power: float) -> None:
    """Centre the model's vectors and even out the variances of their principal axes, by what it
    says of `texts`.
    """
    index, own = before_normalizing(model, texts)
    matrix = whitening(own, power)
    put_linear(model, index, matrix, -own.mean(0) @ matrix)


def train_in_four_bits(model: SentenceTransformer) -> None:
    """Have the table's rows rounded on the way, in the forward pass alone."""
    table: Any = model[0].auto_model.get_input_embeddings()
    table.__class__ = FourBitEmbedding


def keep_four_bits(model: SentenceTransformer) -> None:
    """Write the rounding into the table itself, and make it a plain one again."""
    table: Any = model[0].auto_model.get_input_embeddings()
    if isinstance(table, FourBitEmbedding):
        with torch.no_grad():
            table.weight.copy_(rounded(table.weight))
        setattr(table, "__class__", torch.nn.Embedding)  # noqa: B010  # mypy believes that a class never changes
