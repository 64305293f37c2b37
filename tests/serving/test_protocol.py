"""A head that does not end, or does not come, is refused; what is no HTTP gets one line of JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from lusifer.serving.protocol import bounded_protocol

ASK = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await asyncio.sleep(2.0 if scope["path"] == "/slow" else 0)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


def served(work: Callable[[int], Awaitable[None]], seconds: float) -> None:
    async def all_of_it() -> None:
        config = uvicorn.Config(
            app, http=bounded_protocol(seconds, 4096), port=0, lifespan="off", log_level="critical"
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            await asyncio.wait_for(work(server.servers[0].sockets[0].getsockname()[1]), 20)
        finally:
            server.should_exit = True
            await running

    asyncio.run(all_of_it())


async def sent(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await reader.read(1 << 16)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("parts", "status", "said"),
    [
        ((), b"408 Request Timeout", "did not come within 0.3 seconds"),
        ((ASK,), b"408 Request Timeout", "did not come"),
        ((ASK, *[b"a: " + b"b" * 900 + b"\r\n"] * 6), b"431 ", "larger than 4,096 bytes"),
        ((b"\x16\x03\x01 hello\r\n\r\n",), b"400 Bad Request", "no HTTP/1.1"),
    ],
)  # fmt: skip
def test_heads_that_are_refused(parts: tuple[bytes, ...], status: bytes, said: str) -> None:
    async def work(port: int) -> None:
        head, _, body = (await sent(port, *parts, pause=0.01)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status)
        assert b"Connection: close" in head
        assert said in json.loads(body)["error"]["message"]

    served(work, 0.3 if status.startswith(b"408") else 30)


def test_what_is_slow_by_the_server_or_between_requests_is_not_the_head_s() -> None:
    async def work(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        slow = ASK.replace(b"/ok", b"/slow")
        writer.write(slow + b"\r\n" + slow[:20])  # the next one's head begins meanwhile
        assert b"200 OK" in await reader.readuntil(b"ok")
        writer.write(slow[20:] + b"\r\n")
        assert b"200 OK" in await reader.readuntil(b"ok")
        await asyncio.sleep(1.5)  # longer than a head may take: the connection is only idle
        writer.write(ASK + b"\r\n")
        assert b"200 OK" in await reader.readuntil(b"ok")
        writer.close()

    served(work, 1.0)
