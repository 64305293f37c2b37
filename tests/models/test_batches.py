"""Batches by a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.batches import by_tokens
from lusifer.models.sentence_transformer import sentence_transformer
from tests.conftest import TEXTS


@given(st.lists(st.integers(0, 600)), st.integers(1, 700))
def test_every_row_is_in_one_batch_that_keeps_the_budget(lengths: list[int], budget: int) -> None:
    batches = by_tokens(np.array(lengths, dtype=np.int64), budget)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * max(lengths[row] for row in rows) <= budget


@pytest.mark.parametrize("family", ["bert", "qwen3"])
def test_any_budget_gives_the_vectors_of_texts_alone(
    family: str, model_folder: Callable[[str], Path]
) -> None:
    texts = [*TEXTS, "", "a " * 3000, *TEXTS[:2]]
    model = sentence_transformer(model_folder(family), device="cpu")
    alone = np.concatenate([model.encode([text], normalize_embeddings=True) for text in texts])
    for budget in (1, 40, 4096):
        np.testing.assert_allclose(TorchEmbedder(model, budget).encode(texts), alone, atol=1e-5)
