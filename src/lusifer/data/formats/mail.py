"""E-mail: single messages and mailboxes; subject and text, attachments left out."""

from __future__ import annotations

import email
import email.policy
import mailbox
from collections.abc import Iterable, Iterator
from email.message import EmailMessage, MIMEPart
from pathlib import Path
from typing import ClassVar

from lusifer.data.formats.base import Format, Problem, Section, some_text
from lusifer.data.formats.html import blocks_of
from lusifer.errors import DataError

LARGEST = 64 << 20  # bytes of a message


class Message(Format):
    """One message, as mail programs save it."""

    endings: ClassVar[tuple[str, ...]] = (".eml",)
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        if path.stat().st_size > LARGEST:
            raise DataError(
                path, None, f"is larger than {LARGEST >> 20} MB, too large for a message"
            )
        yield from some_text(_sections([path.read_bytes()]), path)


class Mailbox(Format):
    """Messages one after the other."""

    endings: ClassVar[tuple[str, ...]] = (".mbox",)
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        box = mailbox.mbox(path, create=False)
        try:
            raw = (box.get_bytes(key) for key in box.iterkeys())
            yield from some_text(_sections(raw), path, "message with text")
        finally:
            box.close()


def _sections(messages: Iterable[bytes]) -> Iterator[Section]:
    for number, raw in enumerate(messages, 1):
        if (text := _text(raw)).strip():
            yield Section(text, number, "message")


def _text(raw: bytes) -> str:
    """Subject, names and text of a message; of one in HTML alone the text of that."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    head = [_header(message, name) for name in ("subject", "from", "to")]
    body = message.get_body(("plain", "html"))
    text = _content(body) if body is not None else ""
    if body is not None and body.get_content_type() == "text/html":
        text = "\n\n".join(block.text for block in blocks_of(text))
    return "\n\n".join(part for part in (*filter(None, head), text.strip()) if part)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError):  # the library's own faults on odd headers
        return ""


def _content(part: MIMEPart) -> str:
    try:
        found = part.get_content()
    except (LookupError, ValueError):  # a character set that nobody knows
        payload = part.get_payload(decode=True)
        found = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return found if isinstance(found, str) else ""
