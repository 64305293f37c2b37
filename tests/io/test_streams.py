"""Bytes out of every compression, whole or told to be cut."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from lusifer.io import open_bytes

TEXT = "Où est la gare ? 駅はどこですか。\n".encode() * 5000
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("content", [b"", b"x", TEXT], ids=["nothing", "a byte", "a text"])
def test_what_was_packed_is_read(ending: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(PACK[ending](content))
    with open_bytes(str(file)) as stream:
        assert stream.read() == content


@pytest.mark.parametrize("ending", [".GZ", ".Xz", ".ZST"])
def test_an_ending_in_capitals_is_the_same(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"A.TXT{ending}"
    file.write_bytes(PACK[ending.lower()](TEXT))
    with open_bytes(str(file)) as stream:
        assert stream.read() == TEXT


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_several_frames_are_one_file(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(PACK[ending](TEXT) + PACK[ending](b"end"))
    with open_bytes(str(file)) as stream:
        assert stream.read() == TEXT + b"end"


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
def test_a_file_that_was_cut_is_no_whole_one(ending: str, left: float, tmp_path: Path) -> None:
    whole = PACK[ending](TEXT)
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(whole[: max(20, int(left * len(whole)))])
    with (
        open_bytes(str(file)) as stream,
        pytest.raises((EOFError, lzma.LZMAError, zlib.error)),
    ):
        stream.read()
