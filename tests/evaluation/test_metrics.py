"""Metrics equal the reference libraries', whatever the blocks, ties included."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, v_measure_score

from lusifer.evaluation import metrics
from lusifer.evaluation.scores import average_precision, spearman, v_measure


def unit(rng: np.random.Generator, n: int, d: int = 12) -> np.ndarray:
    v = rng.normal(size=(n, d)).astype(np.float32)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def test_spearman_is_scipys_with_ties() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 300).astype(float), rng.normal(size=300).round(1)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)


def test_average_precision_is_scikit_learns_with_ties() -> None:
    rng = np.random.default_rng(1)
    values, gold = rng.normal(size=400).round(1), rng.integers(0, 2, 400)
    assert average_precision(values, gold) == pytest.approx(
        average_precision_score(gold, values), abs=1e-9
    )
    assert average_precision(values, np.zeros(400)) == 0.0


def test_v_measure_is_scikit_learns() -> None:
    rng = np.random.default_rng(2)
    clusters = rng.integers(0, 5, 300)
    for gold in (rng.integers(0, 4, 300), clusters % 3, clusters, np.arange(300) % 2):
        assert v_measure(clusters, gold) == pytest.approx(v_measure_score(gold, clusters), abs=1e-6)
    assert v_measure(np.zeros(10), np.arange(10) % 2) == pytest.approx(
        v_measure_score(np.arange(10) % 2, np.zeros(10)), abs=1e-9
    )


@pytest.mark.parametrize("block", [7, 2048])
def test_retrieval_is_trec_evals(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(metrics, "BLOCK", block)
    rng = np.random.default_rng(3)
    queries, candidates = unit(rng, 25), unit(rng, 60)
    relevant = [
        sorted({int(c) for c in rng.integers(0, 60, rng.integers(1, 15))}) for _ in range(25)
    ]
    ranked = metrics.ranks(queries, candidates, relevant)
    similarity = queries @ candidates.T
    run = {
        f"q{i}": {f"d{j:03}": float(s) for j, s in enumerate(row)}
        for i, row in enumerate(similarity)
    }
    qrels = {f"q{i}": {f"d{j:03}": 1 for j in r} for i, r in enumerate(relevant)}
    found = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg_cut.10", "recall.10", "recip_rank", "map"}
    ).evaluate(run)
    order = [f"q{i}" for i in range(25)]
    np.testing.assert_allclose(
        metrics.ndcg(ranked), [found[q]["ndcg_cut_10"] for q in order], atol=1e-6
    )
    np.testing.assert_allclose(
        metrics.recall(ranked), [found[q]["recall_10"] for q in order], atol=1e-6
    )
    np.testing.assert_allclose(
        metrics.mean_precision(ranked), [found[q]["map"] for q in order], atol=1e-6
    )
    whole = np.array([found[q]["recip_rank"] for q in order])
    np.testing.assert_allclose(
        metrics.mrr(ranked), np.where(whole >= 0.1 - 1e-9, whole, 0), atol=1e-6
    )


def test_of_equal_cosines_the_irrelevant_comes_first() -> None:
    query, candidates = np.eye(3, dtype=np.float32)[:1], np.eye(3, dtype=np.float32)[[0, 0, 0, 1]]
    assert [r.tolist() for r in metrics.ranks(query, candidates, [[1]])] == [[3]]
    assert [r.tolist() for r in metrics.ranks(query, candidates, [[0, 2]])] == [[2, 3]]


@pytest.mark.parametrize("block", [7, 2048])
def test_bitext_is_a_plain_loop(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(metrics, "BLOCK", block)
    rng = np.random.default_rng(4)
    x, y = unit(rng, 50, 3), unit(rng, 50, 3)
    texts = [f"t{i % 25}" for i in range(50)]
    to, back, missed = metrics.bitext(x, y, texts, texts)
    cosine = x @ y.T
    assert to.tolist() == [
        float(texts[int(np.argmax(row))] == texts[i]) for i, row in enumerate(cosine)
    ]
    assert back.tolist() == [
        float(texts[int(np.argmax(row))] == texts[i]) for i, row in enumerate(cosine.T)
    ]
    mean_x, mean_y = np.sort(cosine, 1)[:, -4:].mean(1), np.sort(cosine, 0)[-4:].mean(0)
    margin = cosine / ((mean_x[:, None] + mean_y[None, :]) / 2)
    near = np.argsort(-cosine, 1)[:, :4]  # as LASER: the best margin among the k nearest
    chosen = [row[np.argmax(margin[i, row])] for i, row in enumerate(near)]
    assert missed.tolist() == [float(texts[c] != texts[i]) for i, c in enumerate(chosen)]
