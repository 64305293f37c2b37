"""Files as streams of bytes: of a disk or an object store, compressed or not."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from lusifer.errors import MissingExtra
from lusifer.io.paths import open_store

COMPRESSIONS = (".xz", ".gz", ".zst")


def open_raw(path: str) -> BinaryIO:
    """A file's bytes as they are, of a disk or an object store."""
    if "://" not in path:
        return open(path, "rb")
    store, name = open_store(path)
    return cast(BinaryIO, store.open(name, "rb"))


def open_bytes(path: str) -> BinaryIO:
    """A file's bytes, decompressed as its name's ending says."""
    kind = path.lower()
    source: Any = (
        open_raw(path) if "://" in path else path
    )  # a file of their own the decompressors close themselves
    if kind.endswith(".xz"):
        return cast(BinaryIO, lzma.open(source, "rb"))
    if kind.endswith(".gz"):
        return cast(BinaryIO, gzip.open(source, "rb"))
    if kind.endswith(".zst"):
        try:
            import zstandard
        except ModuleNotFoundError:
            raise MissingExtra("zstandard", "train") from None
        return cast(
            BinaryIO,
            io.BufferedReader(_Zstd(open_raw(path), zstandard.ZstdDecompressor().decompressobj)),
        )
    return open_raw(path)


class _Zstd(io.RawIOBase):
    """A .zst file as a stream. The library's own reader takes a file that was cut short for a whole
    one; this tells.
    """

    def __init__(self, file: BinaryIO, frame: Callable[[], Any]) -> None:
        self.file, self.new_frame, self.frame, self.left = file, frame, None, b""

    frame: Any

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.left:
            rest = b""
            if self.frame is not None and self.frame.eof:
                rest, self.frame = self.frame.unused_data, None
            chunk = rest or self.file.read(1 << 16)
            if not chunk:
                if self.frame is not None:
                    raise EOFError("the last frame has no end")
                return 0
            if self.frame is None:
                self.frame = self.new_frame()
            self.left = self.frame.decompress(chunk)
        size = min(len(buffer), len(self.left))
        buffer[:size], self.left = self.left[:size], self.left[size:]
        return size

    def close(self) -> None:
        self.file.close()
        super().close()
