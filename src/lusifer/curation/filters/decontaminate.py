"""Rows that share text with an evaluation set, which must not be trained on.

Method: all texts of a row, negatives too, are brought to letters, marks and digits in one case; a row
goes of which a text is an evaluation text (14 characters at least), or shares a run of `ngram`
characters with one. A Han, kana or Hangul character counts for 2.5, as much as it says: six of them
are a text, and 20 of them in a row a run of 50. Runs are
found by winnowing (Schleimer 2003): of every `WINDOW` n-grams in a row the one with the least hash
is kept, so that any shared run of `ngram` + `WINDOW` - 1 characters is surely found. Cost: a pass
over both, and about 12 bytes of index for every fifth letter of the evaluation texts. Not against
translations or paraphrases: no string rule sees them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lusifer.data import Problem, Row, format_of, read_rows, scan_lines
from lusifer.errors import DataError, LusiferError
from lusifer.io import expand
from lusifer.text import WIDE, weight

SHORT = 14  # characters of the shortest text that counts
WINDOW = 10
Hashes = npt.NDArray[np.uint64]
BASE, INVERSE, SPREAD = (
    6364136223846793005,
    pow(6364136223846793005, -1, 1 << 64),
    0x9E3779B97F4A7C15,
)


class EvaluationTexts:
    """The texts of evaluation sets, as hashes. `test` says whether a row shares text with them."""

    def __init__(self, texts: Iterable[tuple[str, str]], ngram: int = 50) -> None:
        """`texts`: (name of the set, text)."""
        if ngram < SHORT:
            raise LusiferError(
                f"ngram is {ngram} characters; below {SHORT} half the language would be contaminated"
            )
        self.ngram, self.names = ngram, list[str]()
        self.exact: dict[int, int] = {}
        hashes, owners = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int32)]
        numbers: dict[str, int] = {}
        for name, text in texts:
            number = numbers.setdefault(name, len(numbers))
            bare = plain(text)
            if weight(bare) >= SHORT:
                self.exact.setdefault(_whole(bare), number)
            found = runs(bare, ngram)
            hashes.append(found)
            owners.append(np.full(len(found), number, dtype=np.int32))
        self.names = list(numbers)
        joined, owner = np.concatenate(hashes), np.concatenate(owners)
        self.hashes, first = np.unique(joined, return_index=True)
        self.owners = owner[first]

    def test(self, row: Row) -> str | None:
        """Why a row is dropped, or None."""
        for column, text in row.values.items():
            if column not in ("query", "document") and not column.startswith("negative"):
                continue
            bare = plain(text)
            if weight(bare) >= SHORT and (number := self.exact.get(_whole(bare))) is not None:
                return f"a text of {self.names[number]}"
            found = runs(bare, self.ngram)
            if len(found) and len(self.hashes):
                position = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
                hit = np.flatnonzero(self.hashes[position] == found)
                if len(hit):
                    return f"shares a run of text with {self.names[self.owners[position[hit[0]]]]}"
        return None


def plain(text: str) -> str:
    """A text's letters, marks and digits alone, in one case (NFKC)."""
    return "".join(
        c
        for c in unicodedata.normalize("NFKC", text).casefold()
        if unicodedata.category(c)[0] in "LMN"
    )


def runs(bare: str, ngram: int) -> Hashes:
    """Hashes of some of a text's n-grams, and of shorter ones of its wide characters."""
    found = winnow(bare, ngram)
    if bare.isascii():
        return found
    wide = "".join(c for c in bare if unicodedata.east_asian_width(c) in "WF")
    return np.concatenate([found, winnow(wide, max(1, int(ngram / WIDE)))])


def texts_of(files: Sequence[str]) -> Iterable[tuple[str, str]]:
    """(file, text) of every cell of evaluation files; what a cell is does not matter, only that it
    is long enough.
    """
    for path in expand(files):
        if not format_of(path).named:
            yield from _cells(path)
            continue
        for row in read_rows(path):
            for text in row.values.values():
                yield Path(path).name, text


def _cells(path: str) -> Iterable[tuple[str, str]]:
    for item in scan_lines(path):
        if isinstance(item, Problem):
            raise DataError(item.path, item.line, item.what)
        for cell in item[1].split("\t"):
            yield Path(path).name, cell


def _whole(bare: str) -> int:
    return int.from_bytes(blake2b(bare.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def winnow(bare: str, ngram: int) -> Hashes:
    """Hashes of some of a text's n-grams, such that two texts that share `ngram` + `WINDOW` - 1
    characters share one of them.
    """
    if len(bare) < ngram:
        return np.zeros(0, dtype=np.uint64)
    codes = np.frombuffer(bare.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    with np.errstate(over="ignore"):
        powers = _powers(len(codes) + 1)
        sums = np.concatenate(
            [
                np.zeros(1, dtype=np.uint64),
                np.cumsum((codes + np.uint64(1)) * powers[:-1], dtype=np.uint64),
            ]
        )
        grams = (sums[ngram:] - sums[:-ngram]) * _powers(len(codes) + 1, INVERSE)[
            : len(codes) - ngram + 1
        ]
        grams = (grams ^ (grams >> np.uint64(29))) * np.uint64(SPREAD)
        grams ^= grams >> np.uint64(32)
    if len(grams) <= WINDOW:
        return np.sort(grams)[:1]
    winnowed: Hashes = np.unique(np.lib.stride_tricks.sliding_window_view(grams, WINDOW).min(1))
    return winnowed


@cache
def _all_powers(base: int, size: int) -> Hashes:
    with np.errstate(over="ignore"):
        steps = np.full(size, base & (1 << 64) - 1, dtype=np.uint64)
        steps[0] = 1
        return np.cumprod(steps, dtype=np.uint64)


def _powers(n: int, base: int = BASE) -> Hashes:
    """base^0 … base^(n-1) modulo 2^64."""
    return _all_powers(base, 1 << max(12, (n - 1).bit_length()))[:n]
