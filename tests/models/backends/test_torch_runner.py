"""What drives a model: texts padded or laid end to end, and memory that runs out, change no vector."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import lusifer
from lusifer.models.backends import engine
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.backends.torch_runner import TableRunner, TorchRunner, plain, runner_of
from lusifer.models.sentence_transformer import sentence_transformer
from tests.conftest import TEXTS, make_table
from tests.models.backends.test_torch_embedder import MIXED

Folder = Callable[[str], Path]


@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken", "max"])
def test_a_model_laid_end_to_end_gives_its_own_vectors(mode: str, model_folder: Folder) -> None:
    module = Transformer(str(model_folder("xlm-roberta")), max_seq_length=128)
    model = SentenceTransformer(
        modules=[module, Pooling(32, pooling_mode=mode), Normalize()], device="cpu"
    )
    padded = TorchRunner(model.eval(), 256, bf16=False)
    laid = TorchRunner(model.eval(), 256, bf16=False)
    laid.padded = False
    expected = model.encode(MIXED)
    np.testing.assert_allclose(engine.encode(padded, MIXED), expected, atol=1e-5)
    np.testing.assert_allclose(engine.encode(laid, MIXED), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "linear", "vocabulary", "resampler", "words"])
def test_a_bridge_laid_end_to_end_gives_its_own_vectors(kind: str, model_folder: Folder) -> None:
    from lusifer.config import build
    from lusifer.models.bridge import Bridge, BridgeConfig, Part
    from lusifer.models.bridge.connectors import ConnectorConfig
    from lusifer.training.assemble import assemble

    more = {"residual": True, "tokens": 1} if kind == "mlp" else {}
    connector = build(ConnectorConfig, {"kind": kind, **more}, kind)  # type: ignore[type-abstract]
    target = "bert" if kind == "words" else "qwen3"
    parts = (Part(str(model_folder("xlm-roberta"))), Part(str(model_folder(target))))
    model = assemble(Bridge.new(BridgeConfig(*parts, connector, max_tokens=100)), "cpu").eval()
    laid = TorchRunner(model, 256, bf16=False)
    laid.padded = False
    np.testing.assert_allclose(
        engine.encode(laid, MIXED), model.encode(MIXED, normalize_embeddings=True), atol=2e-5
    )


def test_a_models_memory_error_is_the_engines(
    model_folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = sentence_transformer(model_folder("bert"), device="cpu")
    embedder = TorchEmbedder(model)
    expected = embedder.encode(TEXTS)
    forward = type(model).forward

    def scarce(self: Any, features: Any, **kwargs: Any) -> Any:
        if len(features["input_ids"]) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, features, **kwargs)

    monkeypatch.setattr(type(model), "forward", scarce)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(embedder.encode(TEXTS), expected, atol=1e-6)
    assert "trying its halves" in caplog.text


def test_a_text_without_a_known_token_has_one_fixed_vector_in_every_table(tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    own: Any = lusifer.load(make_table(tmp_path / "table"))
    module = StaticEmbedding(
        own.tokenizer, embedding_weights=own.rows.astype(np.float32) * own.scale[:, None]
    )
    model = SentenceTransformer(modules=[module, Normalize()], device="cpu")
    theirs = TorchEmbedder(model)
    texts = [*TEXTS, "", TEXTS[0]]
    np.testing.assert_allclose(theirs.encode(texts), own.encode(texts), atol=1e-5)
    np.testing.assert_allclose(theirs.encode(TEXTS), model.encode(TEXTS), atol=1e-5)
    assert theirs.encode([""])[0].tolist() == [1.0] + [0.0] * 15


@pytest.mark.parametrize("family", ["bert", "modernbert", "t5", "qwen3"])
def test_ids_are_those_of_the_model_s_own_preprocessing(family: str, model_folder: Folder) -> None:
    model = sentence_transformer(model_folder(family), device="cpu")
    runner = runner_of(model, None, bf16=False, compile=False, own=False)
    assert isinstance(runner, TorchRunner)
    assert runner.budget == 1024
    batch = model.preprocess(MIXED)
    theirs = zip(batch["input_ids"], batch["attention_mask"], strict=True)
    assert [ids.tolist() for ids in runner.tokenise(MIXED)] == [
        ids[mask.bool()].tolist() for ids, mask in theirs
    ]


def test_each_kind_of_model_has_what_drives_it(model_folder: Folder, tmp_path: Path) -> None:
    settings = {"bf16": False, "compile": False, "own": False}
    table = sentence_transformer(make_table(tmp_path / "table"), device="cpu")
    assert isinstance(runner_of(table, None, **settings), TableRunner)
    model = sentence_transformer(model_folder("bert"), device="cpu")
    assert isinstance(runner_of(model, 77, **settings), TorchRunner)
    model.tokenizer.truncation_side = "left"
    assert not plain(model)
    model.tokenizer.truncation_side = "right"
    assert plain(model)
    model.max_seq_length = None  # its texts would be cut elsewhere
    assert not plain(model)
    assert runner_of(model, 77, **settings) is None
