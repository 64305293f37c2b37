"""API keys: read from a file or the environment, compared in the same time whether right or wrong."""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from lusifer.errors import DataError, LusiferError

VARIABLE = "LUSIFER_SERVER_KEYS"
SHORTEST = 8


def read_keys(file: str | Path | None = None) -> frozenset[str]:
    """The keys that a server accepts.

    Args:
        file: one key a line; blank lines and those that begin with # are left out. Without it the
            variable `LUSIFER_SERVER_KEYS`, with commas between.

    Returns:
        The keys; none where neither is there, and then every request is answered.

    Raises:
        LusiferError: where the file cannot be read or holds no key, or a key is shorter than 8
            characters or not plain ASCII.
    """
    if file is not None:
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise LusiferError(
                f"{file}: is not UTF-8 text; a file of keys has one a line"
            ) from None
        except OSError as error:
            raise LusiferError(f"{file}: {error.strerror or 'cannot be read'}") from None
        found = [(n, line.strip()) for n, line in enumerate(lines, 1)]
        keys = [(n, line) for n, line in found if line and not line.startswith("#")]
        if not keys:
            raise LusiferError(f"{file}: holds no key; write one a line")
        for number, key in keys:
            if reason := _fault(key):
                raise DataError(file, number, f"the key {reason}")
        return frozenset(key for _, key in keys)
    given = [key.strip() for key in os.environ.get(VARIABLE, "").split(",")]
    for key in filter(None, given):
        if reason := _fault(key):
            raise LusiferError(f"{VARIABLE}: a key {reason}")
    return frozenset(filter(None, given))


def _fault(key: str) -> str | None:
    if len(key) < SHORTEST:
        return f"has {len(key)} characters; take {SHORTEST} or more"
    if not (key.isascii() and key.isprintable()) or " " in key:
        return "holds a character that no header takes; take letters, digits and signs of ASCII"
    return None


def has_key(headers: Mapping[bytes, bytes], keys: frozenset[str]) -> bool:
    """Whether a request brings one of the keys: as `Authorization: Bearer`, as the password of
    `Basic` (what a browser asks its user for), or as `x-api-key`.
    """
    if not keys:
        return True
    brought = _brought(headers)
    right = False
    for key in keys:  # all of them, so that the time does not tell which one was near
        right |= hmac.compare_digest(brought, key.encode())
    return right


def _brought(headers: Mapping[bytes, bytes]) -> bytes:
    kind, _, value = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return value.strip()
    if kind.lower() == b"basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except ValueError:
            return b""
    return headers.get(b"x-api-key", b"")
