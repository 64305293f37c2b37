"""What goes wrong with a request: a status, one line, and the form in which each API's clients read
it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any

import orjson

TEI_PATHS = ("/embed", "/rerank", "/info")
TEI_KINDS = {429: "overloaded", 503: "unhealthy", 504: "overloaded", 500: "backend"}
PAGES = ("/", "/passage", "/map", "/upload")  # what a browser asks for, and shows to its user
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Not done</title>
<p role="alert">{}</p>
<p><a href="/">Back to the search</a></p>
</html>
"""
KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class Fault(Exception):
    """A request that is not answered as it was asked.

    Args:
        status: HTTP's.
        message: one line: what was wrong, what would be right.
        code: OpenAI's short name of it.
        retry_after: seconds after which the same request may be answered.
        more: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        retry_after: float | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.message, self.code = status, " ".join(message.split()), code
        self.retry_after, self.more = retry_after, dict(more or {})
        super().__init__(self.message)

    def answer(self, path: str, accepted: str) -> tuple[bytes, dict[str, str]]:
        """The answer to a request: its body and headers.

        Args:
            path: what was asked for.
            accepted: the request's `Accept`: a browser that asks for a page of this server gets one.
        """
        if path in PAGES and "text/html" in accepted:
            body = PAGE.format(html.escape(self._plain())).encode()
            return body, {"Content-Type": "text/html; charset=utf-8"} | self.headers()
        return self.body(path), {"Content-Type": "application/json"} | self.headers()

    def _plain(self) -> str:
        """A text that is quoted may hold half a character, which UTF-8 has no bytes for."""
        return self.message.encode("utf-8", "replace").decode()

    def headers(self) -> dict[str, str]:
        """The answer's headers beside its type."""
        found = dict(self.more)
        if self.retry_after is not None:
            found["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        if self.status == 401:
            found["WWW-Authenticate"] = 'Basic realm="lusifer", charset="UTF-8"'
        return found

    def body(self, path: str) -> bytes:
        """The answer's JSON, as TEI's clients read it on TEI's paths, else as OpenAI's do."""
        message = self._plain()
        shown: dict[str, Any]
        if path in TEI_PATHS:
            kind = TEI_KINDS.get(self.status, "validation")
            shown = {"error": message, "error_type": kind}
        else:
            usual = "server_error" if self.status >= 500 else "invalid_request_error"
            kind = KINDS.get(self.status, usual)
            shown = {"error": {"message": message, "type": kind, "param": None, "code": self.code}}
        return orjson.dumps(shown)
