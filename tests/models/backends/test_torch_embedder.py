"""A sentence-transformers model as an `Embedder`: its vectors, prompts and lengths are the library's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import lusifer
from lusifer.errors import LusiferError
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.backends.torch_runner import plain
from lusifer.models.sentence_transformer import sentence_transformer
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
MIXED = [*TEXTS, "", "a", " ".join(TEXTS), *TEXTS[:3], "x " * 90, "駅はどこ", "أين السوق؟"]


def test_prompts_and_lengths_are_those_of_the_library(model_folder: Folder, tmp_path: Path) -> None:
    module = Transformer(str(model_folder("modernbert")), max_seq_length=48)
    made = SentenceTransformer(
        modules=[module, Pooling(32), Normalize()],
        device="cpu",
        prompts={"query": "find: ", "document": "a passage "},
    )
    made.default_prompt_name = "document"
    made.save(str(tmp_path / "model"))
    model, plainly = (
        lusifer.load(tmp_path / "model"),
        SentenceTransformer(str(tmp_path / "model"), device="cpu"),
    )
    assert isinstance(model, TorchEmbedder)
    assert model.runner is not None
    long = [*MIXED, " ".join(TEXTS * 40), "y" * 10_000]
    for prompt in ("query", "document", None):
        np.testing.assert_allclose(
            model.encode(long, prompt=prompt), plainly.encode(long, prompt_name=prompt), atol=1e-5
        )
    assert model.encode([]).shape == (0, 32)


def test_what_is_no_plain_text_model_stays_with_the_library(model_folder: Folder) -> None:
    model = sentence_transformer(model_folder("bert"), device="cpu")
    assert plain(model)
    pooling = next(module for module in model if isinstance(module, Pooling))
    pooling.include_prompt = False
    assert not plain(model)
    embedder = TorchEmbedder(model)
    assert embedder.runner is None
    np.testing.assert_allclose(
        embedder.encode(MIXED), model.encode(MIXED, normalize_embeddings=True), atol=1e-5
    )
    with pytest.raises(LusiferError, match="takes no long='pool'"):
        TorchEmbedder(model, long="pool")


def test_a_cut_dimension_and_a_cut_on_the_left_are_the_models_own(model_folder: Folder) -> None:
    module = Transformer(str(model_folder("bert")), max_seq_length=32)
    model = SentenceTransformer(
        modules=[module, Pooling(32), Normalize()], device="cpu", truncate_dim=8
    ).eval()
    np.testing.assert_allclose(
        TorchEmbedder(model).encode(MIXED),
        model.encode(MIXED, normalize_embeddings=True),
        atol=1e-5,
    )
    model.tokenizer.truncation_side = "left"
    assert not plain(model)


def test_the_library_s_way_gives_rows_in_order_whatever_the_budget(model_folder: Folder) -> None:
    model = sentence_transformer(model_folder("modernbert"), device="cpu")
    expected = model.encode(MIXED, normalize_embeddings=True)
    for budget in (1, 64, 4096):
        embedder = TorchEmbedder(model, budget)
        embedder.runner = None
        np.testing.assert_allclose(embedder.encode(MIXED), expected, atol=1e-5)


def test_it_tells_its_size_and_follows_the_model_s_settings(model_folder: Folder) -> None:
    model = sentence_transformer(model_folder("bert"), device="cpu")
    embedder = TorchEmbedder(model)
    assert (embedder.dim, embedder.max_tokens, embedder.default_prompt) == (32, 256, None)
    model.prompts = {"query": "Frage: "}
    model.default_prompt_name = "query"
    assert (dict(embedder.prompts), embedder.default_prompt) == ({"query": "Frage: "}, "query")
    np.testing.assert_array_equal(
        embedder.encode(TEXTS[:3]), embedder.encode(TEXTS[:3], prompt="query")
    )
    assert not model.training
