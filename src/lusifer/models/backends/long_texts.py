"""Texts longer than a model reads: in pieces that fit, each with the prompt, whose vectors are
averaged by their tokens.

Cost: one pass a piece. Not where the first lines say it all: there a cut text is as good, and
cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from lusifer.models.backends import engine
from lusifer.models.embedder import Vectors, units
from lusifer.models.tokenize import TextTokenizer


class Pieces(engine.Runner, Protocol):
    """A runner whose tokenizer can cut a text into pieces that fit."""

    @property
    def tokens(self) -> TextTokenizer:
        """Its tokenizer."""


def encode_in_pieces(runner: Pieces, texts: Sequence[str], prompt: str) -> Vectors:
    """Vectors of texts of any length: the mean of their pieces', each by its tokens, made a unit."""
    found = [runner.tokens.pieces(text, prompt) for text in texts]
    vectors = engine.encode(runner, [piece for pieces in found for piece, _ in pieces], prompt)
    vectors = units(vectors)
    weights = np.array(
        [max(1, tokens) for pieces in found for _, tokens in pieces], dtype=np.float32
    )
    starts = np.cumsum([0, *map(len, found)])[:-1]
    sums = np.add.reduceat(vectors * weights[:, None], starts, axis=0)
    return units(sums)
