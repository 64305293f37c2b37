"""Token states → word states, and the English model's own words: what the connector `words` stands
on.

Pieces are no words: "station" may be one piece for the target and two for the encoder. So the
states of a word's pieces are averaged, and a word of the target's vocabulary is known by the state
that the encoder gives that word alone. A word starts at a piece with the tokenizer's word mark, at
punctuation and behind it, behind a special token, and, in scripts without spaces, at every piece; special tokens and lone
marks belong to no word. Cost: one pass over the vocabulary, once.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import torch
from torch import nn

from lusifer.errors import ModelError

WITHOUT_SPACES = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai and Lao, Myanmar, Khmer
    *(
        (0x2E80, 0x9FFF),
        (0xF900, 0xFAFF),
        (0xFF00, 0xFFEF),
        (0x20000, 0x3FFFF),
    ),  # Chinese and Japanese
)
BYTE = re.compile(r"<0x[0-9A-F]{2}>")
GOES_ON = re.compile(r"##\w")
BYTE_LEVEL = "Ġ"


class WordPooling(nn.Module):
    """(n, length, e) states of tokens → (n, words, e) states of words, and their mask."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        for name, values in zip(
            ("starts", "breaks", "skipped"), word_marks(tokenizer), strict=True
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.bool), persistent=False)

    starts: torch.Tensor
    breaks: torch.Tensor
    skipped: torch.Tensor

    def forward(
        self, ids: torch.Tensor, states: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        real = mask.bool()
        counted = real & ~self.skipped[ids]
        counted[:, 0] |= ~counted.any(1)  # a text without a word is its first token
        starts = self.starts[ids]
        starts[:, 1:] |= self.breaks[ids[:, :-1]]
        starts[:, 0] = True
        # a lone mark starts the word of the piece behind it, and a piece that does not count opens none
        number = (starts & counted).cumsum(1) - 1
        words = int(number.max()) + 1
        index = number.clamp_min(0).unsqueeze(-1)
        weight = (counted & (number >= 0)).unsqueeze(-1).to(states.dtype)
        sums = states.new_zeros(len(states), words, states.shape[-1]).scatter_add(
            1, index.expand_as(states), states * weight
        )
        counts = states.new_zeros(len(states), words, 1).scatter_add(1, index, weight)
        return sums / counts.clamp_min(1), (counts.squeeze(-1) > 0).to(mask.dtype)


def word_marks(tokenizer: Any) -> tuple[list[bool], list[bool], list[bool]]:
    """For each token of the vocabulary: starts it a word? does the next one? is it part of no word?"""
    if tokenizer is None:  # a plan without weights
        return [], [], []
    pieces = [piece or "" for piece in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id, tokenizer.mask_token_id}
    style = _style(pieces)
    starts, breaks, skipped = [], [], []
    for i, piece in enumerate(pieces):
        marked, text = _read(piece, style)
        if (
            i in special or i == tokenizer.mask_token_id
        ):  # a mask stands for any piece: it ends no word and starts none
            marked, text = i in special, ""
        lone = not text.strip() and _is_blank(piece, style)
        first = text[:1]
        sign = bool(first) and unicodedata.category(first)[0] in "PS" and not BYTE.fullmatch(text)
        spaceless = (
            bool(first)
            and unicodedata.category(first)[0] != "M"
            and any(a <= ord(first) <= b for a, b in WITHOUT_SPACES)
        )
        skipped.append(i in special or lone)
        starts.append(marked or sign or spaceless)
        # A text's first word has no mark in some vocabularies: it starts behind the special token.
        breaks.append(i in special or lone or sign or spaceless)
    return starts, breaks, skipped


def whole_words(tokenizer: Any) -> list[tuple[int, str]]:
    """(token, text) of a target's vocabulary that is a word, or one sign, by itself: no
    continuation, ASCII, not special.

    Of tokens with the same text in lower case, the one that begins a word, in lower case, is kept:
    an encoder may see no difference between them.
    """
    special = set(tokenizer.all_special_ids)
    vocabulary = sorted(
        (i, piece) for piece, i in tokenizer.get_vocab().items() if i not in special
    )
    style = _style([piece for _, piece in vocabulary])
    found: dict[str, tuple[tuple[bool, bool], int, str]] = {}
    for i, piece in vocabulary:
        marked, text = _read(piece, style)
        text = text.strip()
        sign = len(text) == 1 and not text.isalnum() and text.isprintable()
        if text.isascii() and (sign or (text.isalnum() and (marked or text.isdigit()))):
            rank = (not marked, text != text.lower())
            if text.lower() not in found or rank < found[text.lower()][0]:
                found[text.lower()] = (rank, i, text)
    if not found:
        raise ModelError(
            "the target's vocabulary holds no whole English word, which the connector words needs; take another connector"
        )
    return sorted((i, text) for _, i, text in found.values())


def _style(pieces: list[str]) -> str:
    """How a tokenizer shows where words begin: `##` on what goes on, ▁ or Ġ on what begins, or not
    at all ("plain").
    """
    counts = {
        "##": sum(bool(GOES_ON.match(piece)) for piece in pieces),
        "▁": sum(piece.startswith("▁") and len(piece) > 1 for piece in pieces),
        BYTE_LEVEL: sum(piece.startswith(BYTE_LEVEL) and len(piece) > 1 for piece in pieces),
    }
    best = max(counts, key=lambda style: counts[style])
    return best if counts[best] else "plain"


def _read(piece: str, style: str) -> tuple[bool, str]:
    """(begins it a word? its text without marks)"""
    if style == "##":
        return not GOES_ON.match(piece), piece.removeprefix("##") if GOES_ON.match(piece) else piece
    if style == BYTE_LEVEL:
        text = bytes(BYTES[c] for c in piece if c in BYTES).decode("utf-8", "ignore")
        return piece.startswith(BYTE_LEVEL), text.strip(" ")
    return style == "plain" or piece.startswith("▁"), piece.strip("▁") if piece.strip("▁") else ""


def _is_blank(piece: str, style: str) -> bool:
    """Whether a piece is marks and white space alone; half a character, of a byte-level vocabulary,
    is not.
    """
    if style == BYTE_LEVEL:
        return bool(piece) and bytes(BYTES[c] for c in piece if c in BYTES).isspace()
    return bool(piece) and not piece.strip("▁").strip()


def _byte_characters() -> dict[str, int]:
    """The characters that byte-level BPE writes bytes as (GPT-2's table): printable ones stand for
    themselves.
    """
    plain = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    other = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(other)}


BYTES = _byte_characters()


def frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens that the target's tokenizer puts before and behind a text."""
    batch = tokenizer("a", return_special_tokens_mask=True)
    ids, special = batch["input_ids"], [bool(x) for x in batch["special_tokens_mask"]]
    first = special.index(False) if False in special else len(ids)
    last = len(ids) - (special[::-1].index(False) if False in special else 0)
    return ids[:first], ids[last:]
