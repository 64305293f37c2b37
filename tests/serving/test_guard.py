"""What stands before the routes: keys, names, sizes, times, broken JSON, clients that go."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lusifer.errors import LusiferError
from lusifer.serving.app import create_app
from lusifer.serving.guard import Gate
from lusifer.serving.settings import Limits

KEY = "a-long-enough-key"
JSON = {"Content-Type": "application/json"}
EMBED = "/v1/embeddings"


def client_of(table: Path, **how: Any) -> TestClient:
    return TestClient(create_app(str(table), **how), base_url="http://localhost")


def test_keys(table: Path) -> None:
    with client_of(table, keys=frozenset({KEY})) as client:
        assert client.get("/health").status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong-wrong"}, {"x-api-key": "no"}):
            answer = client.post(EMBED, json={"input": "a"}, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
        for path in ("/metrics", "/docs", "/openapi.json", "/info"):
            assert client.get(path).status_code == 401
        right = {"Authorization": f"Bearer {KEY}"}
        assert client.post(EMBED, json={"input": "a"}, headers=right).status_code == 200
        assert client.get("/info", auth=("anyone", KEY)).status_code == 200


def test_names_and_other_sites(table: Path) -> None:
    hosts, origins = frozenset({"localhost", "[::1]"}), frozenset({"https://app.example.org"})
    with client_of(table, hosts=hosts, origins=origins) as client:
        for host, status in (
            ("localhost:80", 200),
            ("[::1]:8080", 200),
            ("evil.example", 403),
            ("", 403),
        ):
            assert client.get("/health", headers={"Host": host}).status_code == status, host
        for origin, status in (
            ("http://localhost", 200), ("https://evil.example", 403), ("https://app.example.org", 200), ("null", 403), ("http://[", 403),
        ):  # fmt: skip
            answer = client.post(EMBED, json={"input": "a"}, headers={"Origin": origin})
            assert answer.status_code == status, origin
        assert client.post(EMBED, json={"input": "a"}).status_code == 200
        asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
        assert client.options(EMBED, headers=asked).headers["access-control-allow-origin"]
    with client_of(table, keys=frozenset({KEY}), origins=origins) as client:
        refused = client.post(
            EMBED, json={"input": "a"}, headers={"Origin": "https://app.example.org"}
        )
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://app.example.org"
        assert client.options(EMBED, headers=asked).status_code == 200
    Gate().check("POST", "/", {b"host": b"anything"})


def test_two_hundred_malformed_requests_get_one_line_and_no_500(table: Path) -> None:
    wrong: list[bytes] = [
        b"", b"{", b"}", b"[]", b"null", b"3", b'"a"', b"\xff\xfe", b'{"input": NaN}', b'{"input": "\\ud800"}', b'{"input": "a",}',
        b"{'input': 'a'}", b'{"input": {}}', b'{"input": [[[1]]]}', b'{"input": [1.5]}', b'{"input": [null]}', b'{"input": true}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"input": ' + b"9" * 5000 + b"}", b'{"input": "a", "dimensions": 1e400}',
        b'{"input": "a", "dimensions": [1]}', b'{"input": "a", "model": 3}', b'{"input": "a", "model": "' + b"x" * 5000 + b'"}', b"\x00" * 50,
    ]  # fmt: skip
    paths = [
        EMBED,
        "/embed",
        "/rerank",
        "/v1/rerank",
        "/v1/nothing",
        "/v1/search",
        "/info",
        "/metrics",
    ]
    count = 0
    with client_of(table) as client:
        for body in wrong:
            for path in paths:
                answer = client.post(path, content=body, headers=JSON)
                count += 1
                assert 400 <= answer.status_code < 500, (path, body[:40], answer.text)
                said = answer.json()["error"]
                message = said if isinstance(said, str) else said["message"]
                assert message
                assert "\n" not in message
                assert len(message) < 400, message
        for headers in (
            {},
            {"Content-Type": "text/plain"},
            {"Content-Type": "multipart/form-data; boundary=x"},
        ):
            assert (
                400
                <= client.post(EMBED, content=b'{"input": "a"}', headers=headers).status_code
                < 500
            )
        assert client.post(EMBED, json={"input": "a"}).status_code == 200
    assert count == 200


def test_too_large(table: Path) -> None:
    with client_of(table, limits=Limits(bytes=1000)) as client:
        answer = client.post(EMBED, json={"input": "x" * 2000})
        assert answer.status_code == 413
        assert "1,000 bytes" in answer.json()["error"]["message"]
        parts = (b"x" * 400 for _ in range(10))  # without a length told before
        assert client.post(EMBED, content=parts, headers=JSON).status_code == 413


class Wire:
    """A connection by hand: what a client sends, and when; what it got."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages, self.sent = list(messages), []

    async def receive(self) -> dict[str, Any]:
        if not self.messages:
            await asyncio.sleep(60)
        message = self.messages.pop(0)
        await asyncio.sleep(message.pop("after", 0))
        return message

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return next((m["status"] for m in self.sent if m["type"] == "http.response.start"), None)


def scope_of(path: str = EMBED) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip


BODY = {
    "type": "http.request",
    "body": json.dumps({"input": "a text"}).encode(),
    "more_body": False,
}
HALF = {"type": "http.request", "body": b'{"input": "a', "more_body": True}
GONE = {"type": "http.disconnect"}


def served(app: Any, *wires: Wire, patience: float = 20) -> None:
    async def work() -> None:
        async with app.state.service.running():
            calls = [app(scope_of(), wire.receive, wire.send) for wire in wires]
            await asyncio.wait_for(asyncio.gather(*calls), patience)

    asyncio.run(work())


def slow(app: Any, seconds: float) -> list[str]:
    """Have the application's model take its time; what it computed is listed."""
    embedder = next(iter(app.state.service.models)).loaded.model.embedder
    usual, computed = embedder.encode, []

    def encode(texts: list[str], **how: Any) -> Any:
        import time

        time.sleep(seconds)
        computed.extend(texts)
        return usual(texts, **how)

    embedder.encode = encode
    return computed


def test_a_half_sent_body_a_slow_answer_and_a_client_that_goes(
    table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lusifer.serving.requests")
    app = create_app(str(table), limits=Limits(seconds=1))
    half, goes_early = Wire(HALF), Wire(HALF, GONE)
    served(app, half, goes_early)
    assert half.status == 408
    assert dict(half.sent[0]["headers"])[b"connection"] == b"close"
    assert goes_early.sent == []

    app = create_app(str(table), limits=Limits(seconds=1))
    slow(app, 2.5)
    late = Wire(dict(BODY))
    served(app, late)
    assert late.status == 504

    app = create_app(str(table))
    computed = slow(app, 0.5)
    first = Wire(dict(BODY))
    other = {"type": "http.request", "body": json.dumps({"input": "another"}).encode()}
    goes = Wire({**other, "after": 0.1}, {**GONE, "after": 0.1})
    served(app, first, goes)
    assert first.status == 200
    assert goes.sent == []
    assert computed == ["a text"], "what the client that went had asked for was not computed"
    facts = [record.facts for record in caplog.records if hasattr(record, "facts")]
    assert [one["status"] for one in facts] == [499, 408, 504, 499, 200]
    assert "a text" not in caplog.text


def test_what_breaks_is_logged_and_told_without_a_trace(
    table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(str(table))
    embedder = next(iter(app.state.service.models)).loaded.model.embedder
    embedder.encode = lambda texts, prompt=None: 1 // 0
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.post(EMBED, json={"input": "secret text"})
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "the server failed; its log says why"
    assert "ZeroDivisionError" in caplog.text


def test_names_are_compared_as_names_are(table: Path) -> None:
    gate = Gate(
        hosts=frozenset({"Search.Example.org.", "::1", "box:8080"}),
        origins=frozenset({"HTTPS://App.example.org:443/"}),
    )
    for host in (b"search.example.org", b"SEARCH.example.org.:90", b"[::1]:8080", b"box", b"BOX:1"):
        gate.check("GET", "/", {b"host": host})
    asked = {b"host": b"box", b"origin": b"https://app.example.org"}
    gate.check("POST", "/", asked)
    gate.check("POST", "/", {b"host": b"Box:8080", b"origin": b"http://box:8080"})
    for wrong in ("http://x.org", "a/b", "*.org", ""):
        with pytest.raises(LusiferError, match="--allow-host"):
            Gate(hosts=frozenset({wrong}))
    for wrong in ("app.example.org", "https://", "https://a.org/page", "https://a:b:c", "*"):
        with pytest.raises(LusiferError, match="--allow-origin"):
            Gate(origins=frozenset({wrong}))


def test_a_browser_is_answered_with_a_page_and_a_method_with_those_that_are(
    table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with client_of(table, keys=frozenset({KEY})) as client:
        page = client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
        assert page.status_code == 401
        assert "asks for a key" in page.text
        assert page.headers["content-type"].startswith("text/html")
        assert client.get("/").json()["error"]["code"] == "invalid_api_key"
    with client_of(table) as client, caplog.at_level(logging.INFO, "lusifer.serving"):
        wrong = client.get(EMBED)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert client.head("/health").status_code == 200
        assert caplog.records[-1].facts["method"] == "HEAD"


def test_null_is_as_if_left_out(table: Path) -> None:
    with client_of(table) as client:
        nulls = dict.fromkeys(("model", "dimensions", "encoding_format", "input_type", "user"))
        assert client.post(EMBED, json={"input": "a"} | nulls).status_code == 200
        tei = dict.fromkeys(("normalize", "truncate", "prompt_name", "dimensions"))
        assert client.post("/embed", json={"inputs": "a"} | tei).status_code == 200
        answer = client.post(EMBED, json={"input": None})
        assert answer.status_code == 400
