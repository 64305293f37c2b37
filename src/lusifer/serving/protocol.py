"""HTTP's own limits, before any application sees a request: a head must be short and come in time.

uvicorn bounds neither with httptools, its fast parser. A connection that sends no head would stay for
good, and one that sends headers without an end would fill the memory.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any

from lusifer.serving.faults import Fault

HEAD = 64 << 10  # bytes of a request's line and headers
HEAD_SECONDS = 30.0


def bounded_protocol(seconds: float = HEAD_SECONDS, most: int = HEAD) -> Any:
    """uvicorn's protocol for httptools with limits of a head, and its own refusals as one line of JSON.

    Args:
        seconds: time from a connection's beginning, or a further request's first byte, to the end of
            the head.
        most: bytes of a head.

    Returns:
        A class for uvicorn's `http`.
    """
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class BoundedProtocol(HttpToolsProtocol):
        waits: TimerHandle | None = None
        in_head = True
        head_bytes = 0

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_there()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            began_before = self.in_head
            super().data_received(data)
            # Of a part in which a head only begins, most may be the body before it.
            if began_before and self.in_head and not self.transport.is_closing():
                self.head_bytes += len(data)
                if self.head_bytes > most:
                    self._refuse(Fault(431, f"the request's head is larger than {most:,} bytes"))

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if not self.in_head:  # a further request on this connection
                self._await_head()

        def on_headers_complete(self) -> None:
            self._head_is_there()
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            self._refuse(Fault(400, "the request is no HTTP/1.1", "invalid_http"))

        def _await_head(self) -> None:
            self.in_head, self.head_bytes = True, 0
            self.waits = self.loop.call_later(seconds, self._too_late)

        def _head_is_there(self) -> None:
            self.in_head = False
            if self.waits:
                self.waits.cancel()
                self.waits = None

        def _too_late(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._await_head()  # sent behind one that is being answered, and not read yet
            elif not self.transport.is_closing():
                self._refuse(Fault(408, f"the head did not come within {seconds:g} seconds"))

        def _refuse(self, fault: Fault) -> None:
            body = fault.body("")
            self.transport.write(
                b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                b"Connection: close\r\n\r\n%s"
                % (fault.status, HTTPStatus(fault.status).phrase.encode(), len(body), body)
            )
            self.transport.close()

    return BoundedProtocol
