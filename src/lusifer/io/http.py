"""JSON over HTTP to an endpoint that may be busy, slow or broken: asked again where that may help,
never waited for without end.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from lusifer.errors import ModelError

WAITS = (0.5, 1.0, 2.0, 4.0)
LONGEST_WAIT = 60.0  # seconds that a server's own Retry-After may ask for
BUSY = (408, 429, 500, 502, 503, 504)
LARGEST = 256 << 20  # bytes of an answer


class EndpointError(ModelError):
    """An endpoint that did not answer as it should; `status` is its last one, None where there was
    no answer.
    """

    def __init__(self, url: str, what: str, status: int | None = None) -> None:
        self.url, self.what, self.status = url, what, status
        super().__init__(f"{url}: {what}")

    def __reduce__(self) -> tuple[type[EndpointError], tuple[str, str, int | None]]:
        return type(self), (self.url, self.what, self.status)


def post(
    url: str,
    body: Any,
    timeout: float = 60.0,
    waits: Sequence[float] = WAITS,
    stopped: threading.Event | None = None,
) -> Any:
    """The JSON answer to a JSON body. The key is read from LUSIFER_API_KEY or OPENAI_API_KEY, and
    sent nowhere else.

    A busy server (429, 5xx, no answer in `timeout` seconds) is asked again after each of `waits`,
    or after what its Retry-After says, unless all has `stopped` meanwhile. Raises EndpointError.
    """
    stopped = stopped or threading.Event()
    headers = {"Content-Type": "application/json"}
    key = os.environ.get("LUSIFER_API_KEY") or os.environ.get("OPENAI_API_KEY")
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        urllib.parse.urlsplit(url).port  # noqa: B018 — reading it checks it
        url.encode("ascii")
    except ValueError as error:
        raise EndpointError(url, f"is no URL ({error})") from None
    if key and not (key.isascii() and key.isprintable()):
        raise EndpointError(
            url, "LUSIFER_API_KEY, or OPENAI_API_KEY, holds a character that no key has"
        )
    for wait in (*waits, None):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as stream:
                return json.loads(_read(stream, time.monotonic() + timeout))
        except urllib.error.HTTPError as error:
            said = _said(error)
            if error.code not in BUSY or wait is None:
                raise EndpointError(
                    url, f"answered {error.code} {error.reason} ({said[:160]})", error.code
                ) from None
            wait = max(wait, _asked_to_wait(error.headers.get("Retry-After")))
        except (OSError, EOFError, HTTPException, _Cut) as error:
            if wait is None:
                raise EndpointError(
                    url, f"no answer ({getattr(error, 'reason', error) or type(error).__name__})"
                ) from None
        except (ValueError, RecursionError):
            raise EndpointError(url, "the answer is not JSON", 200) from None
        if stopped.wait(wait):
            raise EndpointError(url, "no answer before all stopped")
    raise AssertionError("unreachable")


def _said(error: urllib.error.HTTPError) -> str:
    """The first words of an error's own text; empty where they do not come."""
    try:
        return " ".join(error.read(400).decode("utf-8", "replace").split())
    except (OSError, HTTPException):
        return ""


class _Cut(Exception):
    """An answer that did not come to its end."""


def _read(stream: Any, deadline: float) -> bytes:
    """The whole answer; a server that sends it drop by drop is not waited for past the deadline."""
    parts, size = [], 0
    try:
        while part := stream.read1(1 << 16):
            parts.append(part)
            size += len(part)
            if time.monotonic() > deadline:
                raise _Cut("the answer came too slowly")
            if size > LARGEST:
                raise _Cut(f"the answer is larger than {LARGEST >> 20} MB")
    except HTTPException as error:
        raise _Cut(str(error) or type(error).__name__) from None
    due = stream.headers.get("Content-Length")
    if due and size < int(due):
        raise _Cut(f"the answer was cut short after {size} of {due} bytes")
    return b"".join(parts)


def _asked_to_wait(header: str | None) -> float:
    try:
        return min(LONGEST_WAIT, float(header or 0))
    except ValueError:  # a date
        return 0.0
