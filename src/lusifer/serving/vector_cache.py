"""Vectors that were computed before, and how many tokens their texts have, by model, prompt and text:
those asked for longest ago go first.

Cost: a hash of the text; `vector bytes + OVERHEAD` of memory each, so that the whole is bounded.
Texts themselves are not kept.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

OVERHEAD = 300  # bytes of an entry beside its numbers: key, array and table, as measured


class Known(NamedTuple):
    """A vector, and how many tokens its text has."""

    vector: npt.NDArray[np.float32]
    tokens: int


class VectorCache:
    """At most so many bytes of vectors."""

    def __init__(self, limit: int) -> None:
        self.limit, self.bytes, self.hits, self.misses = limit, 0, 0, 0
        self._rows: OrderedDict[bytes, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def __getitem__(self, key: bytes) -> Known:
        return self._rows[key]

    @staticmethod
    def key(model: str, prompt: str | None, text: str) -> bytes:
        """What a vector is known by; no prompt is another than the empty one."""
        opened = hashlib.blake2b(digest_size=20)
        for part in (model, "0" if prompt is None else f"1{prompt}", text):
            written = part.encode("utf-8", "surrogatepass")
            opened.update(len(written).to_bytes(8, "little") + written)
        return opened.digest()

    def get(self, key: bytes) -> Known | None:
        """The vector and its tokens, if they are remembered."""
        found = self._rows.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._rows.move_to_end(key)
        return found

    def put(self, key: bytes, vector: npt.NDArray[np.float32], tokens: int) -> None:
        """Remember a vector; it is copied, so that the batch it came from is let go."""
        size = vector.nbytes + OVERHEAD
        if size > self.limit or key in self._rows:
            return
        self._rows[key] = Known(vector.copy(), tokens)
        self.bytes += size
        while self.bytes > self.limit:
            _, gone = self._rows.popitem(last=False)
            self.bytes -= gone.vector.nbytes + OVERHEAD
