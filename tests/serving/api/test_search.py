"""Search over HTTP finds what the library finds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lusifer.search.index import Index
from tests.conftest import TEXTS


def test_the_librarys_hits(client: TestClient, notes_index: Path) -> None:
    index = Index.open(notes_index)
    for mode in ("hybrid", "dense", "text"):
        body = {"query": TEXTS[3], "top_k": 4, "mode": mode}
        found = client.post("/v1/search", json=body).json()["hits"]
        assert found == [
            dataclasses.asdict(hit) | {"best": list(hit.best)}
            for hit in index.search(TEXTS[3], top_k=4, mode=mode)
        ]
    body = {"query": TEXTS[3], "path": "long.md"}
    assert {
        Path(hit["path"]).name for hit in client.post("/v1/search", json=body).json()["hits"]
    } == {"long.md"}


def test_similar_and_around(client: TestClient, notes_index: Path) -> None:
    index = Index.open(notes_index)
    hit = index.search(TEXTS[0], top_k=1, mode="dense")[0]
    body = {"path": hit.path, "number": hit.number, "top_k": 3, "where": {"path": "note*"}}
    found = client.post("/v1/similar", json=body).json()["hits"]
    assert len(found) == 3
    assert (hit.path, hit.number) not in [(one["path"], one["number"]) for one in found]
    long = next(file.path for file in index.list_files() if file.path.endswith("long.md"))
    rows = client.get("/v1/passages", params={"path": long, "number": 1}).json()["passages"]
    assert [row["number"] for row in rows] == [0, 1, 2]
    about = client.get("/v1/index").json()
    assert about["passages"] == len(index)
    assert about["files"] == 9


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": " "}, "query is empty"), ({"query": "a", "mode": "fast"}, "mode:"), ({"query": "a", "top_k": 0}, "top_k:"),
        ({"query": "a", "languages": ["nolang"]}, "nolang"), ({"query": "a", "since": "yesterday"}, "since:"),
        ({"query": "a", "rerank": True}, "--rerank"), ({"query": "a", "prompt_name": "nope"}, "no prompt 'nope'"),
        ({"query": "a", "mode": "tokens"}, "--multi-vector"), ({"query": 3}, "query:"), ({"query": "日" * 90_000}, "20,000 are read"),
    ],
)  # fmt: skip
def test_what_is_refused(client: TestClient, body: dict, said: str) -> None:
    answer = client.post("/v1/search", json=body)
    assert 400 <= answer.status_code < 500
    assert said in answer.json()["error"]["message"]


def test_a_passage_that_is_not_there(client: TestClient) -> None:
    assert client.post("/v1/similar", json={"path": "x", "number": 0}).status_code == 400
    assert client.get("/v1/passages", params={"path": "x'", "number": 0}).status_code == 400
    assert client.get("/v1/passages", params={"path": "x", "number": -1}).status_code == 400
