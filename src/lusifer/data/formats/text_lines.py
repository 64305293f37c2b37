"""The lines of a text file, compressed or not: UTF-8, or UTF-16 with its mark."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lusifer.data.formats.base import Problem
from lusifer.errors import DataError
from lusifer.io import open_bytes

LONGEST = 64 << 20  # bytes of a line; a longer one is taken for a file that is not text
WHOLE = 64 << 20  # bytes of a file that must be decoded at once
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def scan_lines(path: str) -> Iterator[tuple[int, str] | Problem]:
    """(number, text) of each line, without its end; what cannot be read as a problem.

    Args:
        path: of a disk or an object store, compressed or not.

    Raises:
        OSError: where the file cannot be opened.
    """
    for item in _scan(path):
        yield item if isinstance(item, Problem) else (item[0], item[1].rstrip("\r\n"))


def _scan(path: str) -> Iterator[tuple[int, str] | Problem]:
    """The same, with each line's end."""
    number = 0
    try:
        with open_bytes(path) as stream:
            for number, raw in enumerate(_raw_lines(path, stream), 1):
                if isinstance(raw, Problem):
                    yield raw
                    return
                found = _decoded(path, number, raw)
                yield found
                if isinstance(found, Problem) and found.ends:
                    return
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
        yield _damaged(path, number + 1, error)
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        yield _damaged(path, number + 1, error)


def _raw_lines(path: str, stream: BinaryIO) -> Iterator[bytes | Problem]:
    """Lines as UTF-8 bytes, without a byte order mark."""
    first = True
    while raw := stream.readline(LONGEST):
        if first and raw.startswith(WIDE):
            whole = raw + stream.read(WHOLE)
            if len(whole) > WHOLE:
                yield Problem(
                    path,
                    None,
                    f"is UTF-16 and larger than {WHOLE >> 20} MB; save it as UTF-8",
                    True,
                )
                return
            try:
                yield from io.BytesIO(whole.decode("utf-16").encode())
            except UnicodeDecodeError as error:
                yield Problem(path, None, f"not UTF-16 ({error.reason}); save it as UTF-8", True)
            return
        if first:
            raw = raw.removeprefix(codecs.BOM_UTF8)
            first = False
        yield raw


def _decoded(path: str, number: int, raw: bytes) -> tuple[int, str] | Problem:
    if len(raw) >= LONGEST:
        what = f"the line is longer than {LONGEST >> 20} MB: binary data, not UTF-8 text"
        return Problem(path, number, what, ends=True)
    if b"\0" in raw:
        return Problem(path, number, "a NUL byte: binary data, not UTF-8 text", ends=True)
    try:
        return number, raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1} of the line is 0x{raw[error.start]:02x}"
        return Problem(path, number, f"not UTF-8 ({byte}); convert the file, e.g. with iconv")


def _damaged(path: str, number: int, error: Exception) -> Problem:
    what = f"the compressed file is damaged or cut short ({error})"
    return Problem(path, number, what, ends=True)


def count_lines(path: str) -> int:
    """How many lines a file has; what cannot be read counts as one."""
    return sum(1 for _ in scan_lines(path))


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of each line, its end with it, which is a newline alone.

    Args:
        path: of a disk, compressed or not.

    Raises:
        DataError: at the first line that cannot be read.
    """
    for item in _scan(str(path)):
        if isinstance(item, Problem):
            raise DataError(path, item.line, item.what)
        yield item[0], item[1].replace("\r\n", "\n")
