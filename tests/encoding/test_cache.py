"""Vectors that are kept: by the role of a text as well as by its prompt's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lusifer.encoding.cache import Encoder
from lusifer.models import BaseEmbedder, Vectors


class Router(BaseEmbedder):
    """Empty prompts, and weights of their own for queries, as a router or an adapter has."""

    dim, max_tokens = 2, 8
    prompts: Mapping[str, str] = {"query": "", "document": ""}

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        side = [1.0, 0.0] if prompt == "query" else [0.0, 1.0]
        return np.array([side for _ in texts], dtype=np.float32)


def test_a_query_and_a_document_of_the_same_words_are_two(tmp_path: Path) -> None:
    encoder = Encoder(Router(), tmp_path)
    for _ in range(2):
        for role in ("query", "document", None):
            np.testing.assert_array_equal(
                encoder(["tea"], role), Router().encode(["tea"], prompt=role)
            )
    again = Encoder(Router(), tmp_path)
    np.testing.assert_array_equal(again(["tea"], "query"), [[1.0, 0.0]])
