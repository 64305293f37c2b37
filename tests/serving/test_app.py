"""The application is put together as asked: several models, an index by its own model, prompts."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

import lusifer
from lusifer.errors import LusiferError
from lusifer.search.index import Index
from lusifer.serving.app import create_app
from lusifer.serving.settings import Limits
from tests.conftest import TEXTS, make_table


def test_vectors_do_not_depend_on_who_else_asks(table: Path) -> None:
    expected = lusifer.load(str(table)).encode(TEXTS)
    with (
        TestClient(create_app(str(table)), base_url="http://localhost") as client,
        ThreadPoolExecutor(16) as pool,
    ):

        def ask(i: int) -> np.ndarray:
            texts = [TEXTS[(i + j) % 16] for j in range(1 + i % 5)] + [f"filler {i} " * (i % 9)]
            answer = client.post("/v1/embeddings", json={"input": texts}).json()
            return np.array([row["embedding"] for row in answer["data"]])

        for i, found in enumerate(pool.map(ask, range(200))):
            for j in range(1 + i % 5):
                np.testing.assert_allclose(found[j], expected[(i + j) % 16], atol=1e-5)


def test_several_models_and_one_unloaded_when_idle(table: Path, tmp_path: Path) -> None:
    other = make_table(tmp_path / "other", 1)
    app = create_app([f"a={table}", f"b={other}"], limits=Limits(idle=0.2))
    with TestClient(app, base_url="http://localhost") as client:
        for name, place in (("b", other), ("a", table), (None, table)):
            answer = client.post("/v1/embeddings", json={"input": TEXTS[:2], "model": name}).json()
            found = np.array([row["embedding"] for row in answer["data"]])
            np.testing.assert_allclose(found, lusifer.load(str(place)).encode(TEXTS[:2]), atol=1e-5)
        client.portal.call(asyncio.sleep, 1.0)
        assert all(slot.loaded is None for slot in app.state.service.models)
        answer = client.post("/v1/embeddings", json={"input": TEXTS[:1], "model": "b"})
        assert answer.status_code == 200, "and loaded again"


def test_an_index_of_another_model_is_searched_by_its_own(
    notes_index: Path, tmp_path: Path
) -> None:
    other = make_table(tmp_path / "other", 1)
    with TestClient(
        create_app(str(other), index=notes_index), base_url="http://localhost"
    ) as client:
        body = {"query": TEXTS[3], "mode": "dense", "top_k": 1}
        assert TEXTS[3] in client.post("/v1/search", json=body).json()["hits"][0]["text"]


def test_without_an_index_there_is_no_search_and_no_page(table: Path) -> None:
    with TestClient(create_app(str(table)), base_url="http://localhost") as client:
        assert client.post("/v1/search", json={"query": "a"}).status_code == 404
        assert client.get("/").status_code == 404
        assert client.get("/v1/embeddings").status_code == 405


def test_what_cannot_be_served(tmp_path: Path, table: Path) -> None:
    with pytest.raises(LusiferError, match="no such model folder"):
        create_app(str(tmp_path / "none"))
    with pytest.raises(LusiferError, match="no index here"):
        create_app(str(table), index=tmp_path / "none")
    with pytest.raises(LusiferError, match="name a model"):
        create_app([])
    with pytest.raises(LusiferError, match="two are named"):
        create_app([str(table), str(table)])


def test_an_index_that_is_gone_is_told_and_found_again(table: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(TEXTS[0], encoding="utf-8")
    Index.create(tmp_path / "index", str(table)).update(tmp_path / "notes.txt")
    with TestClient(
        create_app(str(table), index=tmp_path / "index"), base_url="http://localhost"
    ) as client:
        (tmp_path / "index").rename(tmp_path / "away")
        asked = {"query": TEXTS[0]}
        for answer in (
            client.post("/v1/search", json=asked),
            client.get("/v1/index"),
            client.get("/"),
            client.get("/map"),
        ):
            assert answer.status_code == 503
            assert "no index here" in answer.json()["error"]["message"]
        (tmp_path / "away").rename(tmp_path / "index")
        assert client.post("/v1/search", json=asked).json()["hits"]
        assert client.get("/").status_code == 200


def test_head_is_answered_as_get(client: TestClient) -> None:
    for path in ("/health", "/", "/metrics", "/v1/models"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
