"""TEI's clients get what TEI gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

import lusifer
from tests.conftest import TEXTS


def test_embed(client: TestClient, table: Path) -> None:
    expected = lusifer.load(str(table)).encode(TEXTS[:3])
    found = client.post("/embed", json={"inputs": TEXTS[:3], "truncate": True}).json()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    one = client.post("/embed", json={"inputs": TEXTS[0]}).json()
    np.testing.assert_allclose(one, expected[:1], atol=1e-5)


def test_what_is_refused_is_refused_in_teis_form(client: TestClient) -> None:
    for body, status in (
        ({"inputs": []}, 400), ({"inputs": "a", "normalize": False}, 400), ({"inputs": "word " * 5000, "truncate": False}, 413), ({}, 400),
    ):  # fmt: skip
        answer = client.post("/embed", json=body)
        assert (answer.status_code, answer.json()["error_type"]) == (status, "validation")
    answer = client.post("/rerank", json={"query": "a", "texts": ["b"]})
    assert (answer.status_code, "--rerank" in answer.json()["error"]) == (404, True)


def test_info(client: TestClient) -> None:
    info = client.get("/info").json()
    assert info["model_id"] == "tiny"
    assert info["max_client_batch_size"] == 2048
    assert info["model_type"] == {"embedding": {}}
