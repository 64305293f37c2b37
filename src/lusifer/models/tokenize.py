"""Texts → token ids, with the tokenizer's own threads: what every model with a `tokenizer.json`
shares, torch or not.

A text far longer than a model can read is not read to its end: it is cut at `FEW` letters a token,
then at the model's length. Or, with `long="pool"`, it is read whole, in pieces of that length, each
with the prompt (`pieces`), whose vectors the embedder averages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = npt.NDArray[np.uint32]
FEW = 32  # letters of a token, at most


class TextTokenizer:
    """A tokenizer that cuts at `max_tokens` and pads nothing."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.tokenizer = _copy(tokenizer)
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)
        self._whole: Tokenizer | None = None

    def __call__(self, texts: Sequence[str]) -> list[Ids]:
        """Ids of each text, special tokens included."""
        shown = [text[: FEW * self.max_tokens] for text in texts]
        return [
            np.array(encoding.ids, dtype=np.uint32)
            for encoding in self.tokenizer.encode_batch_fast(shown)
        ]

    def pieces(self, text: str, prompt: str) -> list[tuple[str, int]]:
        """A text in pieces that fit behind the prompt, each with its number of tokens; the text
        itself where it fits.
        """
        if self._whole is None:
            self._whole = _copy(self.tokenizer)
            self._whole.no_truncation()
        offsets: list[tuple[int, int]] = self._whole.encode(text, add_special_tokens=False).offsets
        room = max(1, self.max_tokens - len(self._whole.encode(prompt).ids))
        if len(offsets) <= room:
            return [(text, len(offsets))]
        found, start = [], 0
        while start < len(offsets):
            end = min(start + room, len(offsets))
            piece = text[offsets[start][0] : offsets[end - 1][1]]
            # A word that is cut in two may be read as more tokens than it had in one.
            while (over := self._length(piece) - room) > 0 and end - start > 1:
                end = max(start + 1, end - over)
                piece = text[offsets[start][0] : offsets[end - 1][1]]
            found.append((piece, end - start))
            start = end
        return found

    def _length(self, text: str) -> int:
        assert self._whole is not None
        return len(self._whole.encode(text, add_special_tokens=False).ids)


def padded(
    rows: Sequence[Ids], pad: int = 0, width: int = 1
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows as one right-padded matrix of at least `width` columns, and its mask, both (n, width)."""
    width = max(width, max(map(len, rows), default=1))
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask


def _copy(tokenizer: Any) -> Tokenizer:
    from tokenizers import Tokenizer

    made: Tokenizer = Tokenizer.from_str(tokenizer.to_str())
    return made
