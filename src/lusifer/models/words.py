"""Token states → word states, and the English model's own words: what the connector `words` stands on.

Pieces are no words: "station" may be one piece for the target and two for the encoder. So the states of a word's pieces
are averaged, and a word of the target's vocabulary is known by the state that the encoder gives that word alone.
A word starts at a piece with the tokenizer's word mark, at punctuation and behind it, and, in scripts without spaces, at
every piece; special tokens and lone marks belong to no word. Cost: one pass over the vocabulary, once.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal

import torch
from torch import nn

from lusifer.errors import ModelError

WITHOUT_SPACES = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai and Lao, Myanmar, Khmer
    *((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF)),  # Chinese and Japanese
)
MARKS = ("▁", "Ġ")
BYTE = re.compile(r"<0x[0-9A-F]{2}>")


class WordPooling(nn.Module):
    """(n, length, e) states of tokens → (n, words, e) states of words, and their mask."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        for name, values in zip(("starts", "breaks", "skipped"), word_marks(tokenizer), strict=True):
            self.register_buffer(name, torch.tensor(values, dtype=torch.bool), persistent=False)

    starts: torch.Tensor
    breaks: torch.Tensor
    skipped: torch.Tensor

    def forward(self, ids: torch.Tensor, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        real = mask.bool()
        kept = real & ~self.skipped[ids]
        kept[:, 0] |= ~kept.any(1)  # a text without a word is its first token
        starts = self.starts[ids]
        starts[:, 1:] |= self.breaks[ids[:, :-1]]
        starts[:, 0] = True
        # a lone mark starts the word of the piece behind it, and an unkept piece opens none
        number = (starts & kept).cumsum(1) - 1
        words = int(number.max()) + 1
        place = number.clamp_min(0).unsqueeze(-1)
        weight = (kept & (number >= 0)).unsqueeze(-1).to(states.dtype)
        sums = states.new_zeros(len(states), words, states.shape[-1]).scatter_add(1, place.expand_as(states), states * weight)
        counts = states.new_zeros(len(states), words, 1).scatter_add(1, place, weight)
        return sums / counts.clamp_min(1), (counts.squeeze(-1) > 0).to(mask.dtype)


def word_marks(tokenizer: Any) -> tuple[list[bool], list[bool], list[bool]]:
    """For each token of the vocabulary: starts it a word? does the next one? is it part of no word?"""
    if tokenizer is None:  # a plan without weights
        return [], [], []
    pieces = [piece or "" for piece in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    style = _style(pieces)
    starts, breaks, skipped = [], [], []
    for i, piece in enumerate(pieces):
        lone = piece in MARKS
        marked, bare = _split(piece, style)
        first = bare[:1]
        sign = bool(first) and unicodedata.category(first)[0] in "PS" and not BYTE.fullmatch(bare)
        spaceless = bool(first) and unicodedata.category(first)[0] != "M" and any(a <= ord(first) <= b for a, b in WITHOUT_SPACES)
        skipped.append(i in special or lone)
        starts.append(marked or sign or spaceless or i in special)
        breaks.append(lone or sign or i in special)
    return starts, breaks, skipped


def whole_words(tokenizer: Any) -> list[tuple[int, str]]:
    """(token, text) of a target's vocabulary that is a word, or one sign, by itself: no continuation, ASCII, not special."""
    special = set(tokenizer.all_special_ids)
    vocabulary = sorted((i, piece) for piece, i in tokenizer.get_vocab().items() if i not in special)
    style = _style([piece for _, piece in vocabulary])
    found = []
    for i, piece in vocabulary:
        marked, text = _split(piece, style)
        sign = len(text) == 1 and not text.isalnum() and text.isprintable()
        if text.isascii() and text.strip() and (sign or (text.isalnum() and (marked or text.isdigit()))):
            found.append((i, text))
    if not found:
        raise ModelError("the target's vocabulary holds no whole English word, which the connector words needs; take another connector")
    return found


def _style(pieces: list[str]) -> Literal["wordpiece", "marks", "plain"]:
    """How a tokenizer shows where words begin: `##` on what goes on, ▁ or Ġ on what begins, or not at all."""
    if any(piece.startswith("##") and len(piece) > 2 for piece in pieces):
        return "wordpiece"
    return "marks" if any(piece.startswith(MARKS) and len(piece) > 1 for piece in pieces) else "plain"


def _split(piece: str, style: str) -> tuple[bool, str]:
    """(begins it a word? its text without marks)"""
    if style == "wordpiece":
        return not piece.startswith("##"), piece.removeprefix("##")
    return style == "plain" or piece.startswith(MARKS), piece.lstrip("".join(MARKS))


def frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens that the target's tokenizer puts before and behind a text."""
    ids = tokenizer("a")["input_ids"]
    framing = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    special = [i in framing for i in ids]
    first = special.index(False) if False in special else len(ids)
    last = len(ids) - (special[::-1].index(False) if False in special else 0)
    return ids[:first], ids[last:]
