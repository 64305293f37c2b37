"""JSON over HTTP: asked again where that may help, and one clear error where not."""

from __future__ import annotations

import json
import os
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lusifer.errors import ModelError
from lusifer.io import BUSY, EndpointError, post

BODY = {"input": ["Où est la gare ?", "駅はどこですか", "محطة"], "n": 1}


class Echo:
    """Answers with what it was sent, or with `answers` (status, bytes, headers), next first."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.keys: list[str | None] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                owner.keys.append(self.headers["Authorization"])
                status, data, headers = (
                    owner.answers.pop(0) if owner.answers else (200, sent, dict[str, str]())
                )
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(data))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    for name in ("LUSIFER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Echo()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def test_texts_in_every_script_come_back_as_they_went(echo: Echo) -> None:
    assert post(echo.url, BODY) == BODY
    assert post(echo.url, []) == []


@pytest.mark.parametrize("status", BUSY)
def test_a_busy_server_is_asked_again_and_at_last_given_up(status: int, echo: Echo) -> None:
    busy = (status, b"so\n  busy", dict[str, str]())
    echo.answers = [busy, busy]
    assert post(echo.url, BODY, waits=(0.0, 0.0)) == BODY
    assert len(echo.keys) == 3
    echo.answers = [busy] * 3
    with pytest.raises(EndpointError, match=rf"answered {status} .*\(so busy\)") as caught:
        post(echo.url, BODY, waits=(0.0, 0.0))
    assert caught.value.status == status
    assert len(echo.keys) == 6


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, b"no such model", {}), "answered 404"),
        ((200, b"<html>", {}), "the answer is not JSON"),
    ],
)
def test_what_asking_again_will_not_mend_is_told_at_once(
    answer: tuple[int, bytes, dict[str, str]], said: str, echo: Echo
) -> None:
    echo.answers = [answer]
    with pytest.raises(ModelError, match=said) as caught:
        post(echo.url, BODY, waits=(0.0, 0.0))
    assert str(caught.value).startswith(f"{echo.url}: ")
    assert len(echo.keys) == 1


def test_an_answer_cut_short_is_asked_for_again(echo: Echo) -> None:
    whole = json.dumps(BODY).encode()
    echo.answers = [(200, whole[:-9], {"Content-Length": str(len(whole))})]
    assert post(echo.url, BODY, waits=(0.0,)) == BODY
    echo.answers = [(200, b"[1]", {"Content-Length": "9"})]
    with pytest.raises(EndpointError, match="cut short after 3 of 9 bytes") as caught:
        post(echo.url, BODY, waits=())
    assert caught.value.status is None


def test_it_waits_as_long_as_it_is_asked_to(echo: Echo) -> None:
    echo.answers = [(429, b"", {"Retry-After": "0.2"})]
    started = time.monotonic()
    assert post(echo.url, BODY, waits=(0.0,)) == BODY
    assert time.monotonic() - started >= 0.2


def test_who_waits_leaves_when_all_stops(echo: Echo) -> None:
    stopped = threading.Event()
    stopped.set()
    echo.answers = [(503, b"", {"Retry-After": "50"})]
    with pytest.raises(EndpointError, match="no answer before all stopped"):
        post(echo.url, BODY, stopped=stopped)
    assert len(echo.keys) == 1


def test_our_own_key_stands_before_the_usual_one(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(echo.url, BODY)
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    post(echo.url, BODY)
    monkeypatch.setenv("LUSIFER_API_KEY", "own")
    post(echo.url, BODY)
    assert echo.keys == [None, "Bearer usual", "Bearer own"]


def test_an_error_travels_between_processes() -> None:
    error = EndpointError("http://x/v1", "antwortete nicht", 503)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.url, again.status) == (str(error), "http://x/v1", 503)


@pytest.mark.parametrize(
    "url",
    ["http://local host/v1", "http://[::1/v1", "http://a:port/v1", "nothing", "http://köln/v1"],
)
def test_what_is_no_url_is_told_as_such(url: str) -> None:
    with pytest.raises(EndpointError, match=r"is no URL|no answer"):
        post(url, BODY, waits=())


@pytest.mark.parametrize("key", ["k\n", "schlüssel", "k\x00", "ключ", "k\r\nX: y"])
def test_a_key_that_no_header_can_hold_is_told_by_its_name(
    echo: Echo, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    if "\x00" in key:
        monkeypatch.setattr("os.environ", {**os.environ, "LUSIFER_API_KEY": key})
    else:
        monkeypatch.setenv("LUSIFER_API_KEY", key)
    with pytest.raises(EndpointError, match="LUSIFER_API_KEY, or OPENAI_API_KEY, holds"):
        post(echo.url, BODY, waits=())
    assert echo.keys == []


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 500 broken\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 503 busy\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 fine\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
)
def test_an_answer_that_is_no_http_is_one_error(raw: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(raw)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(EndpointError):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/v1", BODY, timeout=5, waits=())
        thread.join()
