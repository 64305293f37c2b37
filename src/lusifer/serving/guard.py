"""What stands before every route: who may ask, how much, for how long; and the line in the log.

A request is read whole before any route sees it, against a limit of bytes and of time; its JSON is
checked; then it is answered, unless its time is over or its client has gone: either takes its texts
out of the queue. An ASGI middleware.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from lusifer.errors import LusiferError
from lusifer.serving.faults import Fault
from lusifer.serving.keys import has_key
from lusifer.serving.metrics import Metrics
from lusifer.serving.settings import Limits

log = logging.getLogger("lusifer.serving.requests")
Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/health", "/ping")  # what needs no key: a load balancer asks for it
UPLOADS = ("/upload",)
READ_ON, READ_ON_SECONDS = 256 << 20, 10.0  # of a body that was refused for its size
GONE = 499  # nginx's status of a client that went, for the log


@dataclass(frozen=True)
class Gate:
    """Who may ask.

    Args:
        keys: the keys of `read_keys`; none lets everyone in.
        hosts: names under which the server may be asked for, with any port; none means any. Names
            that are bound to this machine's own address keep other sites' pages out (DNS rebinding).
        origins: other sites whose pages may ask, e.g. `https://app.example.org`.

    Raises:
        LusiferError: for a host or an origin that is none.
    """

    keys: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "hosts", frozenset(map(_host, self.hosts)))
        object.__setattr__(self, "origins", frozenset(map(_origin, self.origins)))

    def check(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Raise Fault for a request that may not ask."""
        host = headers.get(b"host", b"").decode("latin-1")
        if self.hosts and _name(host) not in self.hosts:
            raise Fault(
                403,
                f"this server answers as {', '.join(sorted(self.hosts))}, not as {host[:100]!r}; "
                "--allow-host adds a name",
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        changing = method not in ("GET", "HEAD", "OPTIONS")
        own = _site(origin) == host.lower() or origin.lower() in self.origins
        if origin and changing and not own:
            raise Fault(403, f"pages of {origin[:100]!r} may not ask; --allow-origin lets them")
        if path not in OPEN and method != "OPTIONS" and not has_key(headers, self.keys):
            raise Fault(
                401, "this server asks for a key: Authorization: Bearer KEY", "invalid_api_key"
            )


def _site(origin: str) -> str | None:
    """The host and port of an Origin header; None of what is none."""
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    """A Host header's name, as names are compared: without its port, the root's dot and capitals."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].rstrip(".").lower()


def _host(given: str) -> str:
    """A name that was allowed, as `_name` gives it."""
    bare = f"[{given}]" if given.count(":") > 1 and not given.startswith("[") else given
    name = _name(bare)
    if not name or "/" in given or "*" in given:
        raise LusiferError(
            f"--allow-host {given!r}: write a name alone, such as search.example.org"
        )
    return name


def _origin(given: str) -> str:
    """An origin that was allowed, as browsers send it."""
    try:
        parts = urlsplit(given.strip().lower())
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        right = parts.scheme and parts.hostname and parts.path in ("", "/") and not parts.query
        port = parts.port
    except ValueError:
        right = False
    if not right:
        raise LusiferError(
            f"--allow-origin {given!r}: write a site's scheme and name, such as https://app.example.org"
        )
    name = parts.netloc.rpartition(":")[0] if port is not None and port == usual else parts.netloc
    return f"{parts.scheme}://{name}"


@dataclass
class RequestFacts:
    """What the log says of a request beside its path; routes fill it in. Never a text."""

    facts: dict[str, Any] = field(default_factory=dict)
    status: int = 0


class Guard:
    """The middleware."""

    def __init__(
        self,
        app: Application,
        *,
        limits: Limits,
        metrics: Metrics,
        gate: Gate,
        paths: frozenset[str],
    ) -> None:
        self.app, self.limits, self.metrics, self.gate = app, limits, metrics, gate
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        told = RequestFacts()
        method = scope["method"]
        if method == "HEAD":  # answered as GET is; the server leaves the body out
            scope = scope | {"method": "GET"}
        scope["lusifer"] = told.facts
        path = scope["path"] if scope["path"] in self.paths else "other"

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]
            await send(message)

        self.metrics.under_way.inc()
        try:
            await self._answer(scope, receive, noted, told)
        finally:
            self.metrics.under_way.dec()
            took = time.perf_counter() - began
            self.metrics.requests.labels(path, str(told.status)).inc()
            self.metrics.seconds.labels(path).observe(took)
            facts = {
                "method": method,
                "path": path,
                "status": told.status,
                "ms": round(1000 * took, 1),
            }
            log.info("request", extra={"facts": facts | told.facts})

    async def _answer(self, scope: Scope, receive: Receive, send: Send, told: RequestFacts) -> None:
        path = scope["path"]
        headers = dict(reversed(scope["headers"]))
        whole = True
        try:
            self.gate.check(scope["method"], path, headers)
            whole = False
            body = await self._body(path, headers, receive)
            whole = True
            _check_json(headers, body)
            await self._route(scope, receive, send, body, told)
        except Fault as fault:
            if told.status:
                raise
            more = {} if whole else {"Connection": "close"}
            if fault.status == 413 and not whole and b"expect" not in headers:
                await _read_on(receive)
            await _send_fault(send, fault, path, headers, more)
        except _Gone:
            told.status = GONE
            self.metrics.gone.inc()
        except Exception:
            if told.status:
                raise
            logging.getLogger(__name__).exception("%s failed", path)
            failed = Fault(500, "the server failed; its log says why", "internal_error")
            await _send_fault(send, failed, path, headers, {})

    async def _body(self, path: str, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        most = self.limits.upload if path in UPLOADS else self.limits.bytes
        large = Fault(413, f"the body is larger than {most:,} bytes", "too_large")
        said = headers.get(b"content-length", b"0")
        if said.isdigit() and int(said) > most:
            raise large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > most:
                        raise large
                    parts.append(part)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise Fault(
                408, f"the body did not come within {self.limits.seconds:g} seconds", "slow_body"
            ) from None

    async def _route(
        self, scope: Scope, receive: Receive, send: Send, body: bytes, told: RequestFacts
    ) -> None:
        given = False
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        async def replay() -> Message:
            nonlocal given
            if given:
                return await never
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        work = asyncio.ensure_future(self.app(scope, replay, send))
        watch = asyncio.ensure_future(gone())
        try:
            done, _ = await asyncio.wait(
                {work, watch},
                timeout=self.limits.seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if work in done or told.status:
                await work
            elif done:
                raise _Gone
            else:
                raise Fault(
                    504,
                    f"no answer within {self.limits.seconds:g} seconds",
                    "timeout",
                    self.limits.seconds,
                )
        finally:
            for task in (work, watch):
                task.cancel()
            never.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(work, watch, return_exceptions=True)


class _Gone(Exception):
    """The client closed the connection before its answer."""


def _check_json(headers: Mapping[bytes, bytes], body: bytes) -> None:
    """Raise Fault for a body that says it is JSON and is not: broken, nested too deeply, NaN, not
    UTF-8.
    """
    if not body or b"json" not in headers.get(b"content-type", b"").lower():
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Fault(400, f"the body is not JSON: {error}", "invalid_json") from None


async def _read_on(receive: Receive) -> None:
    """Let the rest of a body that is too large go by: most clients send all of it before they read
    what is answered, and would see a broken connection instead.
    """
    left = READ_ON
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READ_ON_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return


async def _send_fault(
    send: Send, fault: Fault, path: str, asked: Mapping[bytes, bytes], more: dict[str, str]
) -> None:
    body, headers = fault.answer(path, asked.get(b"accept", b"").decode("latin-1"))
    headers |= {"Content-Length": str(len(body))} | more
    await send(
        {
            "type": "http.response.start",
            "status": fault.status,
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
