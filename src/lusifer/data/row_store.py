"""Rows of texts on disk, read when they are asked for: a source of any size in a few bytes a row of
memory.

Method: all texts in one file, where each begins in an array, a 64-bit hash of each in another; both
arrays are mapped, not read. Cost: a pass over the source and its size on disk. Not for rows that
change: a store is written once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lusifer.io import Lazy, replacing_folder

CHUNK = 1 << 16  # rows whose offsets are held until they are written


class RowStore(Lazy[tuple[str, ...]]):
    """Rows of `columns` texts each, with `numbers` beside them where the rows had some."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offsets = np.load(folder / "places.npy", mmap_mode="r")
        self.keys: npt.NDArray[np.int64] = np.load(folder / "keys.npy", mmap_mode="r")
        self.numbers: npt.NDArray[np.float32] | None = None
        if (folder / "numbers.npy").exists():
            self.numbers = np.load(folder / "numbers.npy", mmap_mode="r")
        self._map: mmap.mmap | bytes | None = None

    @classmethod
    def write(
        cls, folder: Path, rows: Iterable[tuple[tuple[str, ...], Sequence[float]]], columns: int
    ) -> RowStore:
        """Write rows (texts, numbers), each of `columns` texts, into a new folder; one that is
        there is replaced.
        """
        with replacing_folder(folder) as aside:
            offsets, keys, numbers = [0], list[int](), list[Sequence[float]]()
            chunks: list[tuple[Any, ...]] = []
            with (aside / "texts").open("wb") as stream:
                for texts, beside in rows:
                    for text in texts:
                        raw = text.encode("utf-8", "surrogatepass")
                        stream.write(raw)
                        offsets.append(offsets[-1] + len(raw))
                        keys.append(
                            int.from_bytes(blake2b(raw, digest_size=8).digest(), signed=True)
                        )
                    if beside:
                        numbers.append(beside)
                    if len(offsets) > CHUNK:
                        chunks.append(_arrays(offsets[:-1], keys, numbers))
                        offsets, keys, numbers = offsets[-1:], [], []
            chunks.append(_arrays(offsets, keys, numbers))
            np.save(aside / "places.npy", np.concatenate([part[0] for part in chunks]))
            np.save(
                aside / "keys.npy",
                np.concatenate([part[1] for part in chunks]).reshape(-1, columns),
            )
            beside_all = [part[2] for part in chunks if len(part[2])]
            if beside_all:
                np.save(aside / "numbers.npy", np.concatenate(beside_all))
        return cls(folder)

    def __len__(self) -> int:
        return len(self.keys)

    def item(self, index: int) -> tuple[str, ...]:
        """A row's texts."""
        if self._map is None:
            self._map = b""  # of rows of empty texts there is nothing to map
            if self.offsets[-1]:
                with (self.folder / "texts").open("rb") as stream:
                    self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        width = self.keys.shape[1]
        ends = self.offsets[index * width : index * width + width + 1].tolist()
        return tuple(self._map[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends))

    def beside(self, row: int) -> npt.NDArray[np.float32]:
        """A row's numbers; none where the rows had none."""
        return (
            np.zeros(0, dtype=np.float32) if self.numbers is None else np.array(self.numbers[row])
        )

    @property
    def columns(self) -> int:
        """Texts of a row."""
        return int(self.keys.shape[1])

    def __getstate__(self) -> dict[str, Any]:
        """A loader's worker process opens the file for itself."""
        return self.__dict__ | {"_map": None}


def _arrays(offsets: list[int], keys: list[int], numbers: list[Sequence[float]]) -> tuple[Any, ...]:
    return (
        np.array(offsets, dtype=np.int64),
        np.array(keys, dtype=np.int64),
        np.array(numbers, dtype=np.float32),
    )


class KeySets(Lazy[frozenset[int]]):
    """For each row of a store the hashes of its first `columns` texts, as a set."""

    def __init__(
        self,
        store: RowStore,
        columns: int | None = None,
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """`rows` of the store; without them all."""
        self.keys = store.keys[:, :columns] if rows is None else store.keys[rows, :columns]

    def __len__(self) -> int:
        return len(self.keys)

    def item(self, index: int) -> frozenset[int]:
        """A row's set."""
        return frozenset(self.keys[index].tolist())
