"""Many texts, each once, on disk: they are read when they are asked for. Memory is some 130 bytes a
text while they are added.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import numpy as np

from lusifer.encoding import Ints
from lusifer.io import Lazy, disk_errors


class Texts(Lazy[str]):
    """A list of distinct texts in a file. `add` gives each its number, the same for the same text."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with disk_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = file.open("w+b")
        self._ends = [0]
        self._at_end = (
            True  # where the stream stands: a seek before every write would empty its buffer
        )
        self._known: dict[bytes, int] = {}

    def add(self, text: str) -> int:
        """The text's number; a new text is written."""
        raw = text.encode("utf-8", "surrogatepass")
        key = blake2b(raw, digest_size=16).digest()
        number = self._known.setdefault(key, len(self._ends) - 1)
        if number == len(self._ends) - 1:
            with disk_errors(self.file):
                if not self._at_end:
                    self._stream.seek(self._ends[-1])
                    self._at_end = True
                self._stream.write(raw)
            self._ends.append(self._ends[-1] + len(raw))
        return number

    def __len__(self) -> int:
        return len(self._ends) - 1

    def item(self, index: int) -> str:
        """The text of a number."""
        self._at_end = False
        self._stream.seek(self._ends[index])
        return self._stream.read(self._ends[index + 1] - self._ends[index]).decode(
            "utf-8", "surrogatepass"
        )

    def places_in(self, other: Texts) -> Ints:
        """Each text's number in another list, -1 where it is not there."""
        return np.fromiter(
            (other._known.get(key, -1) for key in self._known), dtype=np.int64, count=len(self)
        )

    def settle(self) -> str:
        """Forget how to find a text by itself, which frees most of the memory; returns a hash of
        all texts in order.
        """
        digest = blake2b(digest_size=16)
        for key in self._known:
            digest.update(key)
        self._known = {}
        return digest.hexdigest()

    def close(self) -> None:
        """Delete the file."""
        self._stream.close()
        self.file.unlink(missing_ok=True)
