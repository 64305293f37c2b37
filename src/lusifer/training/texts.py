"""Texts for training a bridge, and epochs over them as a function of the step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lusifer.data import Row, Source, read_source, refuse_foreign
from lusifer.errors import ConfigError

POOL = 16
TEXT_COLUMNS = ("english", "text", "query", "document")


@dataclass(frozen=True)
class TextData:
    """Texts from files. `columns` of the sources named here are each taken as a text;
    `english_only` is checked.
    """

    root: str = "."
    sources: tuple[Source, ...] = ()
    english_only: bool = True
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")
        for source in self.sources:
            if not set(source.names) & set(TEXT_COLUMNS):
                names = " or ".join(TEXT_COLUMNS)
                raise ValueError(
                    f"data.sources: {source.files[0]} needs a column named {names} (rename: {{yours: text}})"
                )


def read_texts(data: TextData) -> list[str]:
    """All distinct texts, in file order. Raises DataError where `english_only` is broken,
    ConfigError where none is left.
    """
    texts: dict[str, None] = {}
    for source in data.sources:
        rows: list[Row] = list(read_source(source, data.root))
        columns = tuple(c for c in TEXT_COLUMNS if c in source.names)
        if data.english_only:
            refuse_foreign(rows, columns)
        for row in rows:
            for column in columns:
                texts[row.values[column]] = None
    if not texts:
        raise ConfigError(f"{data.root}: the sources hold no text between min_chars and max_chars")
    return list(texts)


class Epochs:
    """Step → row numbers: a new permutation an epoch, pools of `POOL` batches sorted by length, so
    that little is padding.
    """

    def __init__(self, texts: Sequence[str], batch_size: int, seed: int) -> None:
        if batch_size < 1:
            raise ConfigError("batch_size must be at least 1")
        self.lengths = np.array([len(t) for t in texts])
        self.batch, self.seed = min(batch_size, len(texts)), seed
        self.per_epoch = max(1, len(texts) // self.batch)
        self._cached: tuple[int, npt.NDArray[np.int64]] = (-1, np.zeros(0, dtype=np.int64))

    def __call__(self, step: int) -> npt.NDArray[np.int64]:
        epoch, slot = divmod(step, self.per_epoch)
        if self._cached[0] != epoch:
            self._cached = (
                epoch,
                np.random.default_rng([self.seed, 11, epoch]).permutation(len(self.lengths)),
            )
        pool, index = divmod(slot, POOL)
        rows = self._cached[1][
            pool * POOL * self.batch : min((pool + 1) * POOL, self.per_epoch) * self.batch
        ]
        rows = rows[np.argsort(self.lengths[rows], kind="stable")].reshape(-1, self.batch)
        order = np.random.default_rng([self.seed, 12, epoch, pool]).permutation(len(rows))
        chosen: npt.NDArray[np.int64] = rows[order[index]]
        return chosen


def text_keys(texts: Iterable[str]) -> torch.Tensor:
    """(n,) int64: a number a text, equal for equal texts."""
    digests = [hashlib.blake2b(t.encode(), digest_size=8).digest() for t in texts]
    return torch.tensor([int.from_bytes(d, signed=True) for d in digests], dtype=torch.int64)


def locate_root(root: str) -> Path:
    """The data folder. Raises ConfigError where it is missing."""
    path = Path(root).expanduser()
    if not path.is_dir():
        raise ConfigError(f"data.root is {root!r}: no such folder; name it with data.root=…")
    return path
