"""Health, figures, and the page of the schema, which asks no other machine."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient


def test_health_and_figures(client: TestClient) -> None:
    assert client.get("/health").status_code == client.get("/ping").status_code == 200
    client.post("/v1/embeddings", json={"input": ["a", "b"]})
    text = client.get("/metrics").text
    assert 'lusifer_texts_total{model="' in text
    assert 'lusifer_requests_total{path="/v1/embeddings",status="200"} 1.0' in text


def test_every_route_is_in_the_schema_and_its_page_is_our_own(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path in (
        "/v1/embeddings",
        "/v1/models",
        "/v1/rerank",
        "/embed",
        "/rerank",
        "/info",
        "/health",
        "/metrics",
        "/v1/search",
    ):
        assert path in schema["paths"]
    page = client.get("/docs").text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert files
    for file in files:
        assert file.startswith("/docs/files/")
        assert client.get(file).status_code == 200
