"""An endpoint in the embeddings format, served here: what is asked, what is answered, what goes
wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.errors import ModelError
from lusifer.models.backends import endpoint


class Server:
    """Vectors of three numbers; `answers` holds what to answer instead, next first."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[dict[str, Any], str | None]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.asked.append((body, self.headers.get("Authorization")))
                rows = [
                    {"index": i, "embedding": [len(t), 1, 2]} for i, t in enumerate(body["input"])
                ]
                status, answer = (
                    owner.answers.pop(0) if owner.answers else (200, {"data": rows[::-1]})
                )
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(endpoint, "WAITS", (0.0, 0.0))
    for name in ("LUSIFER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    thread = Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def test_texts_are_asked_for_in_batches_and_answers_put_in_order(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setattr(endpoint, "BATCH", 4)
    model = lusifer.load(f"{server.url}#small")
    texts = ["a" * i for i in range(10)]
    vectors = model.encode(texts)
    expected = np.array([[max(1, i), 1, 2] for i in range(10)], dtype=np.float32)
    np.testing.assert_allclose(
        vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6
    )
    assert [len(body["input"]) for body, _ in server.asked] == [1, 4, 4, 2]
    assert {(body["model"], key) for body, key in server.asked} == {("small", "Bearer secret")}
    assert (model.dim, model.encode([]).shape) == (3, (0, 3))


def test_a_busy_server_is_asked_again(server: Server) -> None:
    model = lusifer.load(server.url)
    server.answers = [(503, {}), (429, {})]
    assert model.encode(["a"]).shape == (1, 3)
    assert "model" not in server.asked[-1][0]
    assert server.asked[-1][1] is None
    server.answers = [(503, {"error": "loading"})] * 3
    with pytest.raises(ModelError, match=r"answered 503 .*loading"):
        model.encode(["a"])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, {"error": "no key"}), "answered 401 .*no key"),
        ((200, b"<html>"), "not JSON"),
        ((200, {"rows": []}), "not in the embeddings format"),
        ((200, {"data": [{"index": 0, "embedding": [float("nan"), 1]}]}), "NaN"),
        ((200, {"data": [{"index": 0, "embedding": [1.0]}] * 2}), "1 texts were asked"),
    ],
)
def test_wrong_answers_are_told(server: Server, answer: tuple[int, Any], message: str) -> None:
    model = lusifer.load(server.url)
    server.answers = [answer]
    with pytest.raises(ModelError, match=message):
        model.encode(["a"])


def test_no_server_is_told(server: Server) -> None:
    server.http.server_close()
    with pytest.raises(ModelError, match="no answer"):
        lusifer.load("http://127.0.0.1:9/v1")


class Choosy(BaseHTTPRequestHandler):
    """Refuses more than `most` texts at once, and texts of more than `longest` words."""

    most, longest, status, numbered = 3, 50, 422, True

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        if len(texts) > self.most:
            return self.say(self.status, {"message": f"batch size {len(texts)} is too many"})
        if max(len(text.split()) for text in texts) > self.longest:
            return self.say(413, {"message": "input has more than 512 tokens"})
        rows: list[dict[str, Any]] = [{"embedding": [1.0, len(text)]} for text in texts]
        if self.numbered:
            rows = [{**row, "index": i} for i, row in enumerate(rows)]
        return self.say(200, {"data": rows})

    def say(self, status: int, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.mark.parametrize(
    ("most", "status", "numbered"),
    [(3, 422, True), (10, 400, False), (1, 413, True), (32, 422, False)],
)
def test_a_server_s_limits_are_kept(
    most: int, status: int, numbered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"most": most, "status": status, "numbered": numbered}
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Choosy,), settings))
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        model = lusifer.load(f"http://127.0.0.1:{http.server_port}/v1")
        texts = [*("a" * (i + 1) for i in range(40)), "w " * 300]
        vectors = model.encode(texts)
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
    assert vectors.shape == (41, 2)
    np.testing.assert_allclose(vectors[:40, 1] / vectors[:40, 0], np.arange(1, 41), rtol=1e-5)
    assert "1 texts were too long for it, and were cut" in caplog.text
    assert model.batch >= min(most, 2), "one long text does not make all batches small"
