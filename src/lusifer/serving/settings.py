"""What a server allows and how it behaves, in one value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from lusifer.errors import LusiferError


@dataclass(frozen=True)
class Limits:
    """What a server takes, and for how long.

    Args:
        texts: texts, or documents to rerank, of one request.
        tokens: tokens of one request's texts.
        bytes: bytes of one request's body.
        waiting: tokens that may wait for their vectors; a request past them is told to come back
            (429). One that could not be answered in `seconds` is told so too.
        seconds: time of one request, from its first byte to its answer.
        batch_tokens: tokens that are computed before the queue is looked at again.
        cache: bytes of vectors that are remembered by text and prompt; 0 remembers none.
        idle: seconds after which a model that nobody asked for is unloaded; 0 keeps it.
        upload: bytes of the files of one upload.
    """

    texts: int = 2048
    tokens: int = 300_000
    bytes: int = 16 << 20
    waiting: int = 1_000_000
    seconds: float = 60.0
    batch_tokens: int = 8192
    cache: int = 128 << 20
    idle: float = 0.0
    upload: int = 64 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("cache", "idle") else 1
            if not isinstance(value, int | float) or not value >= least:
                raise LusiferError(f"{field.name} is {value!r}; it must be {least} or more")
