"""The server as a process: it listens, logs without texts, ends what it began when it is told to go,
and says in one line why it cannot start.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.errors import LusiferError
from lusifer.serving.run import JsonLines, _hosts, _is_own, _listening, _url
from tests.conftest import TEXTS


@contextmanager
def running(
    *options: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """A server's URL, its process and the lines it has written."""
    command = [sys.executable, "-m", "lusifer", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    lines: list[str] = []
    try:
        assert process.stderr
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"serving at (http://\S+)", line):
                break
        else:
            pytest.fail(f"no server: {lines}")
        threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True).start()
        yield found[1], process, lines
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def ask(url: str, texts: list[str], **headers: str) -> Any:
    body = json.dumps({"input": texts}).encode()
    request = urllib.request.Request(
        f"{url}/v1/embeddings", body, {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_our_own_client_and_an_end_under_load(table: Path) -> None:
    """`lusifer.load(URL)` gives the model's vectors; SIGTERM loses no request that was accepted."""
    with running("-m", f"tiny={table}") as (url, process, lines):
        far = lusifer.load(f"{url}/v1#tiny")
        expected = lusifer.load(str(table)).encode(TEXTS)
        np.testing.assert_allclose(far.encode(TEXTS), expected, atol=1e-5)

        answers: list[int] = []
        refused: list[BaseException] = []
        accepted = threading.Semaphore(0)

        def client(i: int) -> None:
            host, port = url.removeprefix("http://").split(":")
            body = json.dumps({"input": [f"text {i} {j} " * 20 for j in range(300)]}).encode()
            head = f"POST /v1/embeddings HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            try:
                with socket.create_connection((host, int(port)), timeout=60) as wire:
                    wire.sendall(head.encode() + body)
                    accepted.release()
                    got = b""
                    while part := wire.recv(1 << 16):
                        got += part
                assert got.startswith(b"HTTP/1.1 200"), got[:100]
                answers.append(len(json.loads(got.partition(b"\r\n\r\n")[2])["data"]))
            except BaseException as error:
                refused.append(error)
                accepted.release()

        threads = [threading.Thread(target=client, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for _ in threads:
            accepted.acquire()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert refused == []
        assert answers == [300] * 20
        assert process.wait(30) == 0
    assert not any("text 3" in line for line in lines), "the log holds no texts"
    facts = [json.loads(line) for line in lines if line.startswith("{")]
    assert sum(one.get("texts") == 300 for one in facts) == 20


def test_a_key_from_the_environment(table: Path) -> None:
    with running("-m", str(table), LUSIFER_SERVER_KEYS="a-long-enough-key") as (url, _, _):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(url, ["a"])
        assert ask(url, ["a"], Authorization="Bearer a-long-enough-key")["data"]


def test_addresses() -> None:
    assert all(map(_is_own, ("localhost", "127.0.0.1", "127.3.2.1", "::1")))
    assert not any(map(_is_own, ("0.0.0.0", "::", "example.org", "192.168.1.2")))
    assert _hosts("0.0.0.0", []) == frozenset()
    assert "mine.local" in _hosts("127.0.0.1", ["mine.local"])
    assert _url("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert _url("::1", 80) == "http://[::1]:80"


def test_an_address_that_is_taken_or_none() -> None:
    with _listening("127.0.0.1", 0) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        with (
            pytest.raises(LusiferError, match=f"cannot listen at 127.0.0.1:{port} .*--port"),
            _listening("127.0.0.1", port),
        ):
            pass
    for host, number, said in (
        ("no.such.host.invalid", 0, "cannot listen"),
        ("127.0.0.1", 99_999, "from 0 to 65535"),
    ):
        with pytest.raises(LusiferError, match=said), _listening(host, number):
            pass


def test_lines_of_the_log() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "two\nlines", None, None)
    record.facts = {"status": 200}
    line = JsonLines().format(record)
    assert "\n" not in line
    read = json.loads(line)
    assert (read["message"], read["status"], read["level"]) == ("two\nlines", 200, "INFO")


def test_a_body_that_is_too_large_is_told_so_when_it_is_sent(table: Path) -> None:
    with running("-m", str(table), "--max-bytes", "100000") as (url, _, _):
        for chunked in (False, True):
            body = b'{"input": "' + b"a" * 30_000_000 + b'"}'
            content: Any = iter([body[:1000], body[1000:]]) if chunked else body
            request = urllib.request.Request(
                f"{url}/v1/embeddings", content, {"Content-Type": "application/json"}
            )
            with pytest.raises(urllib.error.HTTPError, match="413") as caught:
                urllib.request.urlopen(request, timeout=60)
            assert "larger than 100,000 bytes" in caught.value.read().decode()
