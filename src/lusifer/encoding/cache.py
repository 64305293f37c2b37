"""Vectors that are kept on disk: each distinct text is embedded once, whoever asks for it, and a
run that was stopped goes on.

Method: a text is known by a hash of its prompt (name and words) and itself; vectors are appended to one
file, hashes
to another, block by block, so that an interrupted run loses one block. Rows are read when they are
asked for: memory is some 150 bytes a text and what a task holds at a time. Cost: 4 x dim + 16 bytes
of disk a text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, ModelError
from lusifer.io import disk_errors
from lusifer.models import Embedder, Vectors

BLOCK = 4096  # texts embedded and written at a time
SORTED = 16  # blocks that are sorted by length together
KEY = 16  # bytes of a hash
Ints = npt.NDArray[np.int64]


class Encoder:
    """An embedder that remembers, in a folder that one process uses at a time. `tell` gets how many
    texts were just embedded.
    """

    def __init__(
        self, model: Embedder, folder: Path, tell: Callable[[int], None] = lambda texts: None
    ) -> None:
        self.model, self.folder, self.tell = model, folder, tell
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._choose: Callable[[str | None], str | None] = lambda prompt: (
            prompt if prompt in model.prompts else None
        )
        self._vectors, self._keys = self.folder / "vectors.f32", self.folder / "keys"
        self._known = self._resume()

    def asked_by(self, choose: Callable[[str | None], str | None]) -> Encoder:
        """The same encoder, with the same vectors, whose prompts are chosen otherwise.

        Args:
            choose: the prompt that is asked for, or None → the name of one of the model's, or None.

        Returns:
            The encoder; both remember what either embeds.
        """
        other = copy(self)
        other._choose = choose
        return other

    def __call__(self, texts: Sequence[str], prompt: str | None = None) -> Vectors:
        """Vectors (n, dim) of `texts`. A prompt that the model does not have is none."""
        return self.rows(texts, prompt)[:]

    def rows(self, texts: Sequence[str], prompt: str | None = None) -> CachedRows:
        """The same, to be read slice by slice."""
        prompt = self._choose(prompt)
        before = _before(self.model, prompt)
        positions = np.empty(len(texts), dtype=np.int64)
        for start in range(0, len(texts), SORTED * BLOCK):
            part = [texts[i] for i in range(start, min(start + SORTED * BLOCK, len(texts)))]
            keys = [
                blake2b(
                    f"{before}\0{text}".encode("utf-8", "surrogatepass"), digest_size=KEY
                ).digest()
                for text in part
            ]
            new = {
                key: text for key, text in zip(keys, part, strict=True) if key not in self._known
            }
            ordered = sorted(new.items(), key=lambda item: len(item[1]))
            for block in (ordered[i : i + BLOCK] for i in range(0, len(ordered), BLOCK)):
                self._append(
                    [key for key, _ in block],
                    checked(self.model, [text for _, text in block], prompt),
                )
                self.tell(len(block))
            positions[start : start + len(part)] = [self._known[key] for key in keys]
        return CachedRows(self._vectors, self.model.dim, positions)

    def _append(self, keys: list[bytes], vectors: Vectors) -> None:
        with disk_errors(self.folder):
            with self._vectors.open("ab") as stream:
                stream.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
            with self._keys.open(
                "ab"
            ) as stream:  # after the vectors: a key without its vector would be a lie
                stream.write(b"".join(keys))
        first = len(self._known)
        self._known.update((key, first + i) for i, key in enumerate(keys))

    def _resume(self) -> dict[bytes, int]:
        """What lies in the folder, cut back to whole rows that both files have."""
        for file in (self._vectors, self._keys):
            file.touch()
        width = 4 * self.model.dim
        whole = min(self._keys.stat().st_size // KEY, self._vectors.stat().st_size // width)
        for file, size in ((self._keys, KEY), (self._vectors, width)):
            with file.open("r+b") as stream:
                stream.truncate(whole * size)
        keys = self._keys.read_bytes()
        return {keys[KEY * i : KEY * (i + 1)]: i for i in range(whole)}


def _before(model: Embedder, prompt: str | None) -> str:
    """What makes a text's vector beside the text: the prompt's name as well as its words, since a
    router or an adapter goes by the name.
    """
    return f"{prompt}\1{model.prompts[prompt]}" if prompt else ""


class CachedRows:
    """Some of a file's vectors, in an order of their own, read slice by slice."""

    def __init__(self, file: Path, dim: int, positions: Ints) -> None:
        self.file, self.dim, self.positions = file, dim, positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, part: slice) -> Vectors:
        positions = self.positions[part]
        out = np.empty((len(positions), self.dim), dtype="<f4")
        width = 4 * self.dim
        runs = np.flatnonzero(
            np.diff(positions, prepend=-2) != 1
        ).tolist()  # where rows that follow each other in the file begin
        with self.file.open("rb", buffering=0) as stream:
            for first, last in zip(runs, [*runs[1:], len(positions)], strict=True):
                stream.seek(int(positions[first]) * width)
                if stream.readinto(out[first:last].data) != (last - first) * width:
                    raise LusiferError(f"{self.file}: was cut short while it was in use")
        return out

    def at(self, positions: Ints) -> CachedRows:
        """Some of these rows."""
        return CachedRows(self.file, self.dim, self.positions[positions])

    def in_file_order(self) -> tuple[CachedRows, Ints]:
        """The same rows as they follow each other in the file, which reads fastest, and the position
        that each has here.
        """
        order = np.argsort(self.positions, kind="stable")
        return self.at(order), order


def checked(model: Embedder, texts: Sequence[str], prompt: str | None = None) -> Vectors:
    """The model's vectors of `texts`. Raises ModelError where they are not (n, dim), not finite or
    not of length 1.
    """
    vectors = np.asarray(model.encode(texts, prompt=prompt), dtype=np.float32)
    if vectors.shape != (len(texts), model.dim):
        raise ModelError(
            f"the model gave vectors of shape {vectors.shape} for {len(texts)} texts; {(len(texts), model.dim)} was due"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = ~(np.abs(lengths - 1) < 0.01)  # NaN is not below either
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ModelError(
            f"the model gave a vector of length {lengths[first]:.3g}, not 1, for {texts[first][:60]!r}"
        )
    return vectors
