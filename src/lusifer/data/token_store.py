"""Token store: every text of a training set tokenised once, as one flat array with offsets.

Method: texts are tokenised in blocks (the tokenizer's own threads), written to a flat uint32 array;
text i is `ids[offsets[i]:offsets[i + 1]]`. Cost: 4 bytes a token on disk, memory-mapped. Not for
corpora past a few billion tokens: stream those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lusifer.io import replacing_folder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = npt.NDArray[np.uint32]
BLOCK = 50_000


@dataclass(frozen=True)
class TokenStore:
    """Token ids of n texts, special tokens not included."""

    ids: Ids
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Ids:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each text, shape (n,)."""
        return np.diff(self.offsets)

    @classmethod
    def build(cls, tokenizer: Tokenizer, texts: Iterable[str], max_tokens: int) -> TokenStore:
        """Tokenise `texts`, each cut at `max_tokens`."""
        pieces: list[Ids] = []
        lengths: list[int] = []
        stream = iter(texts)
        while block := list(islice(stream, BLOCK)):
            for encoding in tokenizer.encode_batch_fast(block, add_special_tokens=False):
                ids = np.array(encoding.ids[:max_tokens], dtype=np.uint32)
                pieces.append(ids)
                lengths.append(len(ids))
        offsets = np.concatenate([[0], np.cumsum(np.array(lengths, dtype=np.int64))]).astype(
            np.int64
        )
        ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint32)
        return cls(ids, offsets)

    def save(self, folder: str | Path) -> None:
        """Write `ids.npy` and `offsets.npy` aside and rename them into place."""
        with replacing_folder(folder) as aside:
            np.save(aside / "ids.npy", self.ids)
            np.save(aside / "offsets.npy", self.offsets)

    @classmethod
    def open(cls, folder: str | Path) -> TokenStore:
        """Memory-map a saved store."""
        folder = Path(folder)
        return cls(
            np.load(folder / "ids.npy", mmap_mode="r"),
            np.load(folder / "offsets.npy", mmap_mode="r"),
        )


def pad(
    rows: Sequence[Ids], pad_id: int, multiple: int = 8
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of ids as one right-padded matrix and its mask, both (n, longest rounded up to
    `multiple`).
    """
    longest = max((len(r) for r in rows), default=1)
    width = max(multiple, -(-longest // multiple) * multiple)
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask
