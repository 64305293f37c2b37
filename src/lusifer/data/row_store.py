"""Rows of texts on disk, read when they are asked for: a source of any size in a few bytes a row of
memory.

Method: all texts in one file, where each begins in an array, a 64-bit hash of each in another; both
arrays are mapped, not read. Cost: a pass over the source and its size on disk. Not for rows that
change: a store is written once.
"""

from __future__ import annotations

import mmap
import shutil
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
            with (
                (aside / "texts").open("wb") as stream,
                _Array(aside / "places.npy", np.int64) as places,
                _Array(aside / "keys.npy", np.int64, columns) as hashes,
                _Array(aside / "numbers.npy", np.float32) as scores,
            ):
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
                        places.add(offsets[:-1])
                        hashes.add(keys)
                        scores.add(numbers)
                        offsets, keys, numbers = offsets[-1:], [], []
                places.add(offsets)
                hashes.add(keys)
                scores.add(numbers)
            if not (scores.rows and scores.width):
                (aside / "numbers.npy").unlink()
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


class _Array:
    """A .npy file that is written row by row: its numbers aside, its head once their count is known."""

    def __init__(self, file: Path, dtype: Any, width: int | None = None) -> None:
        self.file, self.dtype, self.width, self.rows = file, np.dtype(dtype), width, 0
        self.stream = file.with_suffix(".raw").open("wb")

    def __enter__(self) -> _Array:
        return self

    def add(self, values: Sequence[Any]) -> None:
        """Further numbers, or rows of them."""
        if not len(values):
            return
        array = np.array(values, dtype=self.dtype)
        if array.ndim == 2:
            self.width = array.shape[1]
        self.rows += array.size // (self.width or 1)
        self.stream.write(array.tobytes())

    def __exit__(self, kind: object, *_: object) -> None:
        self.stream.close()
        raw = self.file.with_suffix(".raw")
        if kind is None:
            shape = (self.rows,) if self.width is None else (self.rows, self.width)
            head = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
            with self.file.open("wb") as stream, raw.open("rb") as numbers:
                np.lib.format.write_array_header_1_0(stream, head)
                shutil.copyfileobj(numbers, stream)
        raw.unlink()


class KeySets(Lazy[frozenset[int]]):
    """For each row of a store the hashes of its first `columns` texts, as a set."""

    def __init__(
        self,
        store: RowStore,
        columns: int | None = None,
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """`rows` of the store; without them all."""
        some = rows is not None and not np.array_equal(rows, np.arange(len(store)))
        self.keys = store.keys[rows, :columns] if some else store.keys[:, :columns]

    def __len__(self) -> int:
        return len(self.keys)

    def item(self, index: int) -> frozenset[int]:
        """A row's set."""
        return frozenset(self.keys[index].tolist())
