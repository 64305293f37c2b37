"""OpenAI's clients, unchanged, get the library's own vectors, in each format, with prompts and with
fewer numbers.
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

import lusifer
from tests.conftest import TEXTS

UNICODE = [
    "Wo ist der Bahnhof?",
    "駅はどこですか",
    "أين المحطة؟",
    "स्टेशन कहाँ है?",
    "Где вокзал?",
    "e\u0301 ",
    "",
    "\u200b",
    "x" * 3000,
]


def vectors(answer: dict) -> np.ndarray:
    return np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)


def test_vectors_are_the_librarys(client: TestClient, table: Path) -> None:
    texts = TEXTS + UNICODE
    answer = client.post("/v1/embeddings", json={"input": texts, "model": "tiny"}).json()
    assert [row["index"] for row in answer["data"]] == list(range(len(texts)))
    assert answer["model"] == "tiny"
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > len(TEXTS)
    np.testing.assert_allclose(vectors(answer), lusifer.load(str(table)).encode(texts), atol=1e-5)


def test_base64_dimensions_and_one_text(client: TestClient, table: Path) -> None:
    whole = lusifer.load(str(table)).encode([TEXTS[0]])
    body = {"input": TEXTS[0], "encoding_format": "base64", "dimensions": 8}
    answer = client.post("/v1/embeddings", json=body).json()
    read = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), dtype="<f4")
    np.testing.assert_allclose(read, whole[0, :8] / np.linalg.norm(whole[0, :8]), atol=1e-5)


def test_token_ids_are_of_the_models_own_tokenizer(client: TestClient, table: Path) -> None:
    tokenizer = lusifer.load(str(table)).tokenizer  # type: ignore[attr-defined]
    ids = tokenizer.encode(TEXTS[0], add_special_tokens=False).ids
    one = vectors(client.post("/v1/embeddings", json={"input": ids}).json())
    two = vectors(client.post("/v1/embeddings", json={"input": [ids, ids[:3]]}).json())
    np.testing.assert_array_equal(one[0], two[0])
    refused = client.post("/v1/embeddings", json={"input": [100_000]})
    assert refused.status_code == 400
    assert "check_embedding_ctx_length=False" in refused.json()["error"]["message"]


def test_models(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert [model["id"] for model in listed["data"]] == ["tiny"]
    assert client.get("/v1/models/tiny").json()["object"] == "model"
    assert client.get("/v1/models/other").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "input is missing"), ({"input": []}, 400, "input is empty"), ({"input": None}, 400, "input: must be a text"),
        ({"input": ["a", 1]}, 400, "input: item 1 is a number"), ({"input": "a", "model": "gpt"}, 404, "served: tiny"),
        ({"input": "a", "dimensions": 0}, 400, "dimensions is 0"), ({"input": "a", "dimensions": 9999}, 400, "from 1 to 16"),
        ({"input": "a", "dimensions": "x"}, 400, "dimensions:"), ({"input": "a", "encoding_format": "hex"}, 400, "encoding_format:"),
        ({"input": "a", "prompt_name": "nope"}, 400, "no prompt 'nope'"), ({"input": "a", "input_type": "nope"}, 400, "must be one of query"),
        ({"input": ["x"] * 2049}, 413, "2,049 texts; a request may have 2,048"),
    ],
)  # fmt: skip
def test_what_is_refused(client: TestClient, body: dict, status: int, said: str) -> None:
    answer = client.post("/v1/embeddings", json=body)
    message = answer.json()["error"]["message"]
    assert (answer.status_code, said in message, "\n" in message) == (status, True, False), message


def test_openai_and_langchain_unchanged(client: TestClient, table: Path) -> None:
    openai = pytest.importorskip("openai")
    expected = lusifer.load(str(table)).encode(TEXTS[:3])
    theirs = openai.OpenAI(base_url="http://localhost/v1", api_key="none", http_client=client)
    found = theirs.embeddings.create(input=TEXTS[:3], model="tiny")
    np.testing.assert_allclose([row.embedding for row in found.data], expected, atol=1e-5)
    assert [model.id for model in theirs.models.list()] == ["tiny"]
    with pytest.raises(openai.NotFoundError, match="served: tiny"):
        theirs.embeddings.create(input="a", model="text-embedding-3-small")

    langchain = pytest.importorskip("langchain_openai")
    embeddings = langchain.OpenAIEmbeddings(
        model="tiny", base_url="http://localhost/v1", api_key="none", check_embedding_ctx_length=False, http_client=client,
    )  # fmt: skip
    np.testing.assert_allclose(embeddings.embed_documents(TEXTS[:3]), expected, atol=1e-5)
    np.testing.assert_allclose(embeddings.embed_query(TEXTS[0]), expected[0], atol=1e-5)
