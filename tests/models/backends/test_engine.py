"""The engine gives every text the vector that the model gives it by itself, whatever else is asked
for, and however it is batched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.models import families, varlen
from lusifer.models.backends import engine
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.backends.torch_runner import TorchRunner, plain
from lusifer.models.sentence_transformer import sentence_transformer
from lusifer.models.tokenize import Ids
from lusifer.models.varlen import Segments
from tests.conftest import CAUSAL, TEXTS, make_model, make_table

Folder = Callable[[str], Path]
MIXED = [*TEXTS, "", "a", " ".join(TEXTS), *TEXTS[:3], "x " * 90]


class Letters:
    """A runner whose vector of a text is how often it holds each of a few letters; it remembers
    what it was asked.
    """

    def __init__(self, budget: int = 64, most: int = 1 << 30, *, padded: bool = True) -> None:
        self.dim, self.budget, self.most, self.padded = 4, budget, most, padded
        self.batches: list[list[int]] = []

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        return [np.frombuffer(text.encode(), np.uint8).astype(np.uint32) for text in texts]

    def start(self, rows: list[Ids]) -> Any:
        if sum(map(len, rows)) > self.most:
            raise MemoryError
        self.batches.append([len(row) for row in rows])
        return rows

    def finish(self, started: Any) -> Any:
        return np.array(
            [[np.sum(row == ord(c)) for c in "abcd"] for row in started], dtype=np.float32
        )


def test_rows_come_back_in_order_each_distinct_text_once_in_batches_of_a_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "FIRST", 4)
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcd"), rng.integers(0, 40))) for _ in range(300)]
    texts += texts[:50]
    for padded in (True, False):
        runner = Letters(padded=padded)
        told: list[int] = []
        found = engine.encode(runner, texts, tell=lambda rows, tokens, told=told: told.append(rows))  # type: ignore[misc]
        expected = np.array([[text.count(c) for c in "abcd"] for text in texts], dtype=np.float32)
        np.testing.assert_array_equal(found, expected)
        assert sum(map(len, runner.batches)) == sum(told) == len(set(texts))
        for batch in runner.batches:
            assert len(batch) == 1 or (len(batch) * max(batch) if padded else sum(batch)) <= 64
    np.testing.assert_array_equal(
        np.concatenate(list(engine.stream(Letters(), iter(texts)))), expected
    )
    prompted = engine.encode(Letters(), texts, "dd")
    np.testing.assert_array_equal(prompted, expected + np.array([0, 0, 0, 2]))


def test_a_batch_that_does_not_fit_is_halved_once_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = ["a" * 16, "b" * 16, "c" * 16, "d" * 16]
    with caplog.at_level(logging.WARNING):
        found = engine.encode(Letters(most=40), texts)
    np.testing.assert_array_equal(found, 16 * np.eye(4))
    assert [record.message for record in caplog.records] == [
        "a batch of 4 texts, 64 tokens, does not fit in memory; trying its halves"
    ]
    with pytest.raises(
        ModelError,
        match="half a batch, 2 texts of 32 tokens, does not fit in memory either; lower the budget",
    ):
        engine.encode(Letters(most=20), texts)

    class Broken(Letters):
        def start(self, rows: list[Ids]) -> Any:
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        engine.encode(Broken(), texts)


def test_a_stream_holds_two_windows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST", 8)
    monkeypatch.setattr(engine, "LAST", 8)
    taken = 0

    def texts() -> Any:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield "abc"

    for number, vectors in enumerate(engine.stream(Letters(), texts()), 1):
        assert len(vectors) == 8
        assert taken <= 8 * (number + 2)


@pytest.mark.parametrize("family", [*varlen.FAMILIES])
@pytest.mark.parametrize("causal", [False, True])
def test_texts_end_to_end_are_the_padded_ones(
    family: str, causal: bool, model_folder: Folder
) -> None:
    if causal and family not in CAUSAL:
        pytest.skip("an encoder sees both ways")
    role: Any = "target" if family in CAUSAL else "encoder"
    model = families.load(model_folder(family), role, causal=causal)
    lengths = [1, 7, 3, 200, 12]  # past ModernBERT's window of 64 on either side
    rows = [torch.randint(5, 150, (n,)) for n in lengths]
    mask = torch.arange(200)[None] < torch.tensor(lengths)[:, None]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=1)
    with torch.no_grad():
        padded = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state[mask]
        segments = Segments.of(lengths, ids.device)
        laid = varlen.run(model, segments, ids=torch.cat(rows))[0]
        embedded = varlen.run(
            model,
            segments,
            embeds=families.embeddings(model)[0][torch.cat(rows)] * families.embeddings(model)[1],
        )[0]
    torch.testing.assert_close(laid, padded, rtol=1e-3, atol=2e-4)
    if family != "gemma":  # which scales what it looks up, not what it is given
        torch.testing.assert_close(embedded, padded, rtol=1e-3, atol=2e-4)
    assert model.config._attn_implementation != varlen.NAME, "the model is as it was"


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
    connector = build(ConnectorConfig, {"kind": kind, **more}, kind)
    target = "bert" if kind == "words" else "qwen3"
    parts = (Part(str(model_folder("xlm-roberta"))), Part(str(model_folder(target))))
    model = assemble(Bridge.new(BridgeConfig(*parts, connector, max_tokens=100)), "cpu").eval()
    laid = TorchRunner(model, 256, bf16=False)
    laid.padded = False
    np.testing.assert_allclose(
        engine.encode(laid, MIXED), model.encode(MIXED, normalize_embeddings=True), atol=2e-5
    )


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


def test_a_long_text_may_be_read_in_pieces(model_folder: Folder) -> None:
    module = Transformer(str(model_folder("bert")), max_seq_length=32)
    model = SentenceTransformer(
        modules=[module, Pooling(32), Normalize()], device="cpu", prompts={"document": "text: "}
    ).eval()
    cut, whole = TorchEmbedder(model), TorchEmbedder(model, long="pool")
    np.testing.assert_allclose(whole.encode(TEXTS[:4]), cut.encode(TEXTS[:4]), atol=1e-6)
    long = " ".join(TEXTS * 60)  # some 10,000 tokens
    assert whole.runner is not None
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


def test_settings_that_a_model_does_not_have_are_told(model_folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must be cut or pool"):
        lusifer.load(model_folder("bert"), long="pol")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="takes no long='pool'"):
        lusifer.load("static", long="pool")
    assert lusifer.load(model_folder("bert"), budget=64).runner.budget == 64  # type: ignore[attr-defined]


def test_loading_draws_nothing(model_folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    """A program's output is its own: no bar of a library's, whose setting stays as it was."""
    from transformers.utils import logging

    assert logging.is_progress_bar_enabled()
    lusifer.load(model_folder("bert"))
    assert capfd.readouterr().err == ""
    assert logging.is_progress_bar_enabled()


def test_another_seed_is_another_model(tmp_path: Path) -> None:
    a, b = (
        lusifer.load(make_model(tmp_path / str(seed), "bert", seed)).encode(TEXTS)
        for seed in (1, 2)
    )
    assert abs(a - b).max() > 0.01


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
