"""Running the server: uvicorn around the application, its log, its address and its end."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lusifer.errors import LusiferError, MissingExtra
from lusifer.models import DEFAULT
from lusifer.serving.app import create_app
from lusifer.serving.keys import read_keys
from lusifer.serving.protocol import bounded_protocol
from lusifer.serving.settings import Limits

BACKLOG = 4096  # connections that the system holds until they are accepted
FILES = 65_536  # open files that are asked for, as far as the system lets: one a connection


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level and message, and the facts of a request; with an error its traceback."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{now}.{int(record.msecs):03d}Z",
            "level": record.levelname,
        }
        line["message"] = record.getMessage()
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def serve(
    models: str | list[str] = DEFAULT,
    *,
    index: str | Path | None = None,
    rerank: str | list[str] | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    keys: str | Path | None = None,
    limits: Limits | None = None,
    hosts: list[str] | None = None,
    origins: list[str] | None = None,
    uploads: str | Path | None = None,
    device: str | None = None,
    bf16: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve models, and an index with its page, over HTTP until the process is told to end (SIGTERM
    or Ctrl-C): requests that are under way are answered first.

    Args:
        models: names of models as for `lusifer.load`, or `NAME=` before one; a request that names
            none gets the first.
        index: an index's folder, searched at `/v1/search` and by a page at `/`.
        rerank: rerankers, named as models are.
        host: the address to listen at; this machine alone is let in by the usual one.
        port: 0 takes one that is free.
        keys: a file of API keys, one a line; without it those of `LUSIFER_SERVER_KEYS`.
        limits: what one request may ask, how long the queue may be, and the like.
        hosts: further names under which the server may be asked for, where it listens at this
            machine's own address; where it listens to others, these alone.
        origins: other sites whose pages may ask, e.g. `https://app.example.org`.
        uploads: a folder for files that the page's users send into the index.
        device: torch's name of one for every model, e.g. `cuda`; without it the best there is.
        bf16: compute in bfloat16, where torch computes.
        ready: gets the server's URL when it listens.

    Returns:
        Nothing, when the server has ended.

    Raises:
        LusiferError: where a model or the index cannot be opened, or the address is taken.
        MissingExtra: where the extra `serve` is not installed.
    """
    try:
        import uvicorn
    except ModuleNotFoundError:
        raise MissingExtra("uvicorn", "serve") from None
    limits = limits or Limits()
    accepted = read_keys(keys)
    app = create_app(
        models,
        index=index,
        rerank=rerank or (),
        limits=limits,
        keys=accepted,
        hosts=_hosts(host, hosts or []),
        origins=frozenset(origins or []),
        uploads=uploads,
        device=device,
        bf16=bf16,
    )
    with _listening(host, port) as listener, _logged():
        url = _url(host, listener.getsockname()[1])
        if not _is_own(host) and not accepted:
            logging.getLogger(__name__).warning(
                "open to the network, and to pages of any site in browsers there, without a key: "
                "--keys FILE or LUSIFER_SERVER_KEYS sets some, --allow-host NAME narrows it"
            )
        config = uvicorn.Config(
            app,
            http=bounded_protocol(),
            log_config=None,
            access_log=False,
            backlog=BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(limits.seconds) + 1,
            server_header=False,
            proxy_headers=False,
        )
        with _ending_is_no_error():
            _told(config, ready, url).run(sockets=[listener])


@contextlib.contextmanager
def _ending_is_no_error() -> Iterator[None]:
    """A server that was told to end, and has answered what was under way, has done what it should:
    uvicorn hands the signal on when it has, to whoever had it before.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, lambda number, frame: None) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def _told(config: Any, ready: Callable[[str], None] | None, url: str) -> Any:
    """uvicorn's server, which says when it listens."""
    import uvicorn

    class TellingServer(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if ready and not self.should_exit:
                ready(url)

    return TellingServer(config)


def _is_own(host: str) -> bool:
    """Whether an address is this machine's own, that no other can reach."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _hosts(host: str, more: list[str]) -> frozenset[str]:
    """Names under which the server may be asked for; any where other machines are let in."""
    if not _is_own(host) and not more:
        return frozenset()
    return frozenset({"localhost", "127.0.0.1", "[::1]", host, *more})


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    shown = f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown
    return f"http://{shown}:{port}"


@contextlib.contextmanager
def _listening(host: str, port: int) -> Any:
    """A socket at an address. Raises LusiferError where it is taken or is none."""
    if not 0 <= port < 1 << 16:
        raise LusiferError(f"--port is {port}; it must be from 0 to 65535")
    _more_files()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)  # now: who connects while the server starts, waits
        except OSError:
            listener.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LusiferError(
            f"cannot listen at {host}:{port} ({reason}); --host and --port choose another address"
        ) from None
    with contextlib.closing(listener):
        yield listener


def _more_files() -> None:
    """Let this process hold as many connections as the system allows."""
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
        if soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextlib.contextmanager
def _logged() -> Any:
    """Our log and uvicorn's as JSON lines on standard error, while the server runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in ("lusifer", "uvicorn", "python_multipart")]
    before = [(one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.INFO if one.name == "lusifer" else logging.WARNING)
        one.propagate = False
    try:
        yield
    finally:
        for one, (level, propagate) in zip(loggers, before, strict=True):
            one.removeHandler(handler)
            one.setLevel(level)
            one.propagate = propagate
