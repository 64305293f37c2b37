"""Texts longer than a model reads: the mean of their pieces, each by its tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import lusifer
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.backends.torch_runner import TorchRunner
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def test_a_long_text_may_be_read_in_pieces(model_folder: Folder) -> None:
    module = Transformer(str(model_folder("bert")), max_seq_length=32)
    model = SentenceTransformer(
        modules=[module, Pooling(32), Normalize()], device="cpu", prompts={"document": "text: "}
    ).eval()
    cut, whole = TorchEmbedder(model), TorchEmbedder(model, long="pool")
    np.testing.assert_allclose(whole.encode(TEXTS[:4]), cut.encode(TEXTS[:4]), atol=1e-6)
    long = " ".join(TEXTS * 60)  # some 10,000 tokens
    assert isinstance(whole.runner, TorchRunner)
    pieces = whole.runner.tokens.pieces(long, "text: ")
    assert len(pieces) > 100
    assert "".join(text for text, _ in pieces).replace(" ", "") == long.replace(" ", "")
    assert (
        max(len(ids) for ids in whole.runner.tokens([f"text: {text}" for text, _ in pieces])) <= 32
    )
    vectors = cut.encode([text for text, _ in pieces], prompt="document")
    mean = (vectors * np.array([[tokens] for _, tokens in pieces])).sum(0)
    np.testing.assert_allclose(
        whole.encode([long], prompt="document")[0], mean / np.linalg.norm(mean), atol=1e-5
    )
    assert float(cut.encode([long])[0] @ whole.encode([long])[0]) < 0.999


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_a_text_s_vector_is_its_own_and_rows_keep_their_order(
    family: str, model_folder: Folder
) -> None:
    model = lusifer.load(model_folder(family), long="pool")
    texts = [" ".join(TEXTS * 3), "", TEXTS[0], "Größe 駅 سوق " * 300, "x" * 3000]
    together = model.encode(texts)
    alone = np.concatenate([model.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    np.testing.assert_allclose(model.encode(texts[::-1])[::-1], alone, atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert model.encode([]).shape == (0, 32)


def test_what_stands_at_the_end_of_a_long_text_counts(model_folder: Folder) -> None:
    start = " ".join(TEXTS * 8)
    for long, same in (("cut", True), ("pool", False)):
        model = lusifer.load(model_folder("bert"), long=long)  # type: ignore[arg-type]
        a, b = model.encode([f"{start} {end}" for end in (TEXTS[0], TEXTS[7])])
        assert np.array_equal(a, b) is same
