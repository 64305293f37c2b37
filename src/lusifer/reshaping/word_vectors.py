"""Word vectors in text, as word2vec and fastText write them (`.vec`): a line `COUNT DIM`, then a word and its numbers
a line, most frequent first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lusifer.data import Problem, scan_lines
from lusifer.errors import DataError
from lusifer.io import replacing_file
from lusifer.models import Vectors

ENDINGS = (".vec", ".vec.gz", ".vec.xz", ".vec.zst")


@dataclass(frozen=True)
class WordVectors:
    """Words, their vectors (n, dim), and how many lines could not be read."""

    words: list[str]
    vectors: Vectors
    skipped: int = 0

    def places(self) -> dict[str, int]:
        """Where each word is."""
        return {word: place for place, word in enumerate(self.words)}


def are_word_vectors(name: str | Path) -> bool:
    """Whether a name is that of a file of word vectors."""
    return str(name).endswith(ENDINGS)


def read_word_vectors(file: str | Path, most: int) -> WordVectors:
    """Read the first words of a file; lines that are none are left out and counted.

    Args:
        file: text, compressed or not, with or without its first line.
        most: how many words.

    Returns:
        The words, each once.

    Raises:
        DataError: where the file is not there or holds no vector.
    """
    words: dict[str, int] = {}
    rows, skipped, dim, first = list[Vectors](), 0, 0, ""
    try:
        for item in scan_lines(str(file)):
            if isinstance(item, Problem):
                skipped, first = skipped + 1, first or item.what
                continue
            number, line = item
            parts = line.rstrip().split(" ")
            if number == 1 and len(parts) == 2 and all(p.isdecimal() for p in parts):
                dim = int(parts[1])
                continue
            dim = dim or len(parts) - 1
            row = _numbers(parts[-dim:] if len(parts) > dim > 0 else [])
            word = " ".join(parts[:-dim])
            numbers = len(parts) > dim + 1 and _numbers(parts[-dim - 1 : -dim]) is not None
            if row is None or not word or word in words or numbers:
                skipped, first = (
                    skipped + 1,
                    first or f"line {number} is no word with {dim} numbers",
                )
                continue
            words[word] = len(rows)
            rows.append(row)
            if len(rows) == most:
                break
    except OSError as error:
        raise DataError(str(file), None, error.strerror or str(error)) from None
    if not rows:
        raise DataError(str(file), None, f"holds no word vector ({first or 'it is empty'})")
    return WordVectors(list(words), np.stack(rows), skipped)


def _numbers(parts: list[str]) -> Vectors | None:
    """Finite numbers, not all 0; None for anything else."""
    try:
        row = np.array(parts, dtype=np.float32)
    except ValueError:
        return None
    return row if len(row) and np.isfinite(row).all() and row.any() else None


def write_word_vectors(file: str | Path, words: list[str], vectors: Vectors) -> None:
    """Write words with vectors (n, dim), with five digits, aside and then renamed."""
    with replacing_file(file) as stream:
        for line in _lines(words, vectors):
            stream.write(line.encode("utf-8"))


def _lines(words: list[str], vectors: Vectors) -> Iterator[str]:
    yield f"{len(words)} {vectors.shape[1]}\n"
    for word, row in zip(words, vectors, strict=True):
        yield f"{word} {' '.join(f'{number:.5g}' for number in row.tolist())}\n"
