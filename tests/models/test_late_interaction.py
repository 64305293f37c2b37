"""Pairs by their tokens: the scores are the model's own, however they are cut into chunks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.models import heads, late_interaction, load_reranker
from lusifer.models.heads import Heads, HybridEmbedder
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
QUERIES = ["the sea", TEXTS[3], "станция", ""]
DOCUMENTS = [*TEXTS[:4], "word " * 40, "ক"]
PAIRS = [(q, d) for q in QUERIES for d in DOCUMENTS]


def hybrid(family: str, model_folder: Folder) -> HybridEmbedder:
    torch.manual_seed(0)
    made = lusifer.sentence_transformer(model_folder(family), device="cpu")
    made.prompts = {"query": "Q: ", "document": "D: "}
    return HybridEmbedder(made, Heads(32, 8, made.tokenizer.all_special_ids))


def by_hand(model: HybridEmbedder, query: str, document: str) -> float:
    """Of one pair, each text read by itself and in each way by itself."""
    dense = model.encode([query], prompt="query") @ model.encode([document], prompt="document").T
    words, others = (
        model.encode_sparse([text], prompt=name)[0]
        for name, text in (("query", query), ("document", document))
    )
    tokens, theirs = (
        model.encode_multi([text], prompt=name)[0]
        for name, text in (("query", query), ("document", document))
    )
    shared = sum(weight * others.get(word, 0.0) for word, weight in words.items())
    return float(dense[0, 0]) + 0.3 * shared + float((tokens @ theirs.T).max(1).mean())


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "llama"])
@pytest.mark.parametrize(("pairs", "cells"), [(1024, 1 << 24), (5, 1 << 24), (1024, 1), (7, 900)])
def test_scores_are_those_of_each_pair_alone_in_chunks_of_any_size(
    family: str, pairs: int, cells: int, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "PAIRS", pairs)
    monkeypatch.setattr(late_interaction, "CELLS", cells)
    model = hybrid(family, model_folder)
    due = [by_hand(model, q, d) for q, d in PAIRS]
    np.testing.assert_allclose(model.score_pairs(PAIRS), due, atol=1e-4)
    np.testing.assert_allclose(model.score(QUERIES, DOCUMENTS).ravel(), due, atol=1e-4)
    assert model.score_pairs([]) == []


def test_each_text_is_read_once(model_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    model = hybrid("bert", model_folder)
    seen: list[str] = []
    real = model.model.preprocess

    def preprocess(texts: list[str], *args: object, **more: object) -> object:
        seen.extend(texts)
        return real(texts, *args, **more)

    monkeypatch.setattr(model.model, "preprocess", preprocess)
    model.score_pairs(PAIRS)
    assert len(seen) == len(QUERIES) + len(DOCUMENTS)


def test_no_more_than_so_many_cosines_are_held(
    model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, seen = hybrid("bert", model_folder), []
    real = late_interaction.best_cosines

    def best(
        tokens: list[np.ndarray], others: list[np.ndarray], device: torch.device
    ) -> np.ndarray:
        seen.append(len(tokens) * max(map(len, tokens)) * max(map(len, others)))
        return real(tokens, others, device)

    monkeypatch.setattr(late_interaction, "best_cosines", best)
    monkeypatch.setattr(late_interaction, "CELLS", 2000)
    model.score_pairs(PAIRS)
    longest = max(len(x) for x in model.encode_multi(QUERIES, prompt="query")) * max(
        len(x) for x in model.encode_multi(DOCUMENTS, prompt="document")
    )
    assert max(seen) <= max(longest, 2000)
    assert len(seen) > 1


def test_a_model_with_heads_sorts_what_was_found(tmp_path: Path, model_folder: Folder) -> None:
    model = hybrid("bert", model_folder)
    model.model.save(str(tmp_path / "hybrid"), create_model_card=False)
    model.heads.write(tmp_path / "hybrid")
    judge = load_reranker(str(tmp_path / "hybrid"))
    np.testing.assert_allclose(judge(PAIRS), model.score_pairs(PAIRS), atol=1e-5)
    (tmp_path / "docs").mkdir()
    for i, text in enumerate(TEXTS[:6]):
        (tmp_path / "docs" / f"{i}.txt").write_text(text, encoding="utf-8")
    index = lusifer.Index.create(tmp_path / "index", "static")
    index.update([tmp_path / "docs"])
    hits = index.search(TEXTS[2], top_k=6, reranker=judge)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    np.testing.assert_allclose(scores, judge([(TEXTS[2], hit.text) for hit in hits]), atol=1e-4)
