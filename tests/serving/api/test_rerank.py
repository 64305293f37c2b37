"""Reranking in the forms of Jina, Cohere and TEI, by a reranker that a test stands in for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lusifer.models.reranker import LoadedReranker
from lusifer.serving.api.rerank import ranked
from lusifer.serving.app import create_app

DOCUMENTS = ["a cat", "the dog and the cat", "nothing", {"text": "cat cat cat"}]


def by_cats(pairs: list[tuple[str, str]]) -> list[float]:
    return [3.0 * text.count(query) - 4 for query, text in pairs]


@pytest.fixture
def reranking(table: Path) -> Any:
    app = create_app(str(table), rerank="cats=/no/such/place")
    (slot,) = app.state.service.rerankers
    slot.load = lambda place: LoadedReranker(by_cats)
    with TestClient(app, base_url="http://localhost") as made:
        yield made


def test_scores_of_any_size_become_zero_to_one_and_equal_ones_stay_in_order() -> None:
    rows = ranked([2.0, -1.0, 2.0], bounded=False)
    assert [row.index for row in rows] == [0, 2, 1]
    assert rows[0].score == pytest.approx(1 / (1 + math.exp(-2)))
    assert [row.score for row in ranked([0.2, 0.9], bounded=True)] == [0.9, 0.2]
    assert [row.score for row in ranked([1e6, -1e6], bounded=True)] == [1e6, -1e6]
    assert 0 <= ranked([1e6, -1e6], bounded=False)[1].score < 1e-20


def test_jina_and_cohere(reranking: TestClient) -> None:
    body = {
        "query": "cat",
        "documents": DOCUMENTS,
        "top_n": 2,
        "return_documents": True,
        "model": "cats",
    }
    for path in ("/v1/rerank", "/v2/rerank"):
        results = reranking.post(path, json=body).json()["results"]
        assert [row["index"] for row in results] == [3, 0]
        assert results[0]["document"] == {"text": "cat cat cat"}
        assert results[0]["relevance_score"] == pytest.approx(1 / (1 + math.exp(-5)))


def test_tei(reranking: TestClient) -> None:
    body = {"query": "cat", "texts": ["cat", "x"], "raw_scores": True, "return_text": True}
    assert reranking.post("/rerank", json=body).json() == [
        {"index": 0, "score": -1.0, "text": "cat"}, {"index": 1, "score": -4.0, "text": "x"},
    ]  # fmt: skip


def test_what_is_refused(reranking: TestClient) -> None:
    for body, said in (
        ({"query": " ", "documents": ["a"]}, "query is empty"), ({"query": "a", "documents": []}, "documents is empty"),
        ({"query": "a", "documents": [1]}, "documents: item 0"), ({"query": "a", "documents": ["a"], "top_n": 0}, "top_n:"),
        ({"query": "a", "documents": ["a"], "model": "dogs"}, "served: cats"), ({"documents": ["a"]}, "query is missing"),
    ):  # fmt: skip
        answer = reranking.post("/v1/rerank", json=body)
        assert 400 <= answer.status_code < 500
        assert said in answer.json()["error"]["message"]


def test_a_reranker_that_cannot_be_loaded(table: Path) -> None:
    with TestClient(
        create_app(str(table), rerank="/no/such/place"), base_url="http://localhost"
    ) as client:
        answer = client.post("/v1/rerank", json={"query": "a", "documents": ["b"]})
        assert answer.status_code == 503
        assert "no such model folder" in answer.json()["error"]["message"]
