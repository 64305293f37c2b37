"""A tokenizer with fewer pieces: which a corpus needs, and the tokenizer of these alone.

Method: pieces are counted on the corpus (lm-vocab-trimmer's idea), and a piece counts for those too
that it helps to spell: of BPE for what is merged of it, step by step, of all kinds a character for
each piece that holds it. The most frequent are kept, in their old order, with all special ones and,
where there are such, the 256 bytes that anything else is spelt in. So whatever is cut, what is left
can be spelt: a piece's parts are never rarer than itself. A text whose pieces are all kept is spelt
as before, with each kind:

* Unigram takes the likeliest pieces; fewer to choose from leave the likeliest the likeliest.
* BPE merges the pair of the lowest rank first; merges that are gone took no part in that text.
* WordPiece and WordLevel take the longest piece that there is, and it is still there.

Cost: one pass of the tokenizer over the corpus. Not for languages that the corpus lacks: their
texts fall to shorter pieces, to bytes, or to the unknown piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lusifer.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BLOCK = 20_000
BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # what BPE and Unigram with a byte fall-back call a byte
Counts = npt.NDArray[np.int64]


def count_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> Counts:
    """How often each piece occurs in `texts`, shape (pieces,)."""
    whole = plainly(tokenizer)
    counts = np.zeros(1 + max(whole.get_vocab().values()), dtype=np.int64)
    stream = iter(texts)
    while block := list(islice(stream, BLOCK)):
        for encoding in whole.encode_batch_fast(block, add_special_tokens=False):
            np.add.at(counts, encoding.ids, 1)
    return counts


def plainly(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that neither cuts texts nor fills them up."""
    from tokenizers import Tokenizer

    whole: Tokenizer = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    return whole


def wanted_pieces(
    tokenizer: Tokenizer, counts: Counts, size: int | None = None, at_least: int = 1
) -> Counts:
    """The old ids of the pieces to keep, rising: every special one and byte, then the most frequent.

    Args:
        tokenizer: of the kind Unigram, BPE, WordPiece or WordLevel.
        counts: of each piece, (pieces,), from `count_pieces`.
        size: how many pieces to keep, at most; None for all that are needed.
        at_least: how often a piece must be needed.

    Returns:
        The ids, (kept,); fewer than `size` where fewer pieces are needed.

    Raises:
        ConfigError: where `size` does not hold the special pieces.
        ModelError: where the tokenizer is of another kind.
    """
    document = _document(tokenizer)
    pieces = tokenizer.get_vocab(with_added_tokens=True)
    special = _always(document, pieces)
    if size is not None and size <= len(special):
        raise ConfigError(
            f"the vocabulary's size is {size}; its special pieces alone are {len(special)}"
        )
    needed = _with_parts(document, pieces, counts)
    for piece in special:
        needed.pop(piece, None)
    # Of two that are needed as often a part is shorter than what it is a part of.
    ranked = sorted((-n, len(piece), pieces[piece]) for piece, n in needed.items() if n >= at_least)
    room = None if size is None else size - len(special)
    often = [number for _, _, number in ranked[:room]]
    return np.array(sorted({pieces[piece] for piece in special} | set(often)), dtype=np.int64)


def trim_tokenizer(tokenizer: Tokenizer, keep: Counts) -> Tokenizer:
    """The tokenizer with the pieces `keep` (old ids, rising) alone, numbered anew in that order.

    Raises:
        ModelError: where it is of another kind than those that `wanted_pieces` takes.
    """
    from tokenizers import Tokenizer

    document = _document(tokenizer)
    model = document["model"]
    new = {int(old): number for number, old in enumerate(keep)}
    names = {i: piece for piece, i in tokenizer.get_vocab(with_added_tokens=True).items()}
    if model["type"] == "Unigram":
        model["vocab"] = with_scores(model["vocab"], [names[old] for old in new])
        if model["unk_id"] is not None:
            model["unk_id"] = new[int(model["unk_id"])]
    else:
        model["vocab"] = {names[old]: number for old, number in new.items()}
    if model["type"] == "BPE":
        left = model["vocab"].keys()
        model["merges"] = [
            pair for pair in model["merges"] if {*pair, _merged(model, *pair)} <= left
        ]
    for one in document["added_tokens"]:
        one["id"] = new[int(one["id"])]
    if document.get("padding"):
        document["padding"]["pad_id"] = new[int(document["padding"]["pad_id"])]
    _renumber(document.get("post_processor"), new)
    made: Tokenizer = Tokenizer.from_str(json.dumps(document, ensure_ascii=False))
    return made


def with_scores(vocabulary: list[list[Any]], names: list[str]) -> list[list[Any]]:
    """Unigram's pieces with their scores. An added piece that stands beside the vocabulary stays there
    where it is among the last; elsewhere it gets the least score, so that a text that happens to read like
    it, once normalised, is seldom spelt by it.

    Args:
        vocabulary: pieces and scores.
        names: those wanted, in order.

    Returns:
        The pieces wanted, with scores.
    """
    scores = {piece: float(score) for piece, score in vocabulary}
    least = min(scores.values())
    last = max((i for i, name in enumerate(names) if name in scores), default=-1)
    return [[name, scores.get(name, least)] for name in names[: last + 1]]


def _document(tokenizer: Tokenizer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    kind = document["model"]["type"]
    if kind not in ("Unigram", "BPE", "WordPiece", "WordLevel"):
        raise ModelError(
            f"a tokenizer of the kind {kind} cannot be trimmed; Unigram, BPE, WordPiece and WordLevel can"
        )
    if kind == "BPE":  # older files write a pair as one text
        merges = document["model"]["merges"]
        document["model"]["merges"] = [
            pair.split(" ") if isinstance(pair, str) else pair for pair in merges
        ]
    return document


def _always(document: dict[str, Any], pieces: dict[str, int]) -> set[str]:
    """The pieces that stay whatever the corpus: special ones, the unknown one, the bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    model = document["model"]
    kept = {one["content"] for one in document["added_tokens"]}
    unknown = _unknown(model)
    kept |= {unknown} if unknown else set()
    names = {number: piece for piece, number in pieces.items()}
    kept |= {
        names[number] for number in _framing(document.get("post_processor")) if number in names
    }
    if document.get("padding"):
        kept.add(document["padding"]["pad_token"])
    if model.get("byte_fallback"):
        kept |= {piece for piece in pieces if BYTE.fullmatch(piece)}
    if '"ByteLevel"' in json.dumps([document.get("pre_tokenizer"), document.get("normalizer")]):
        kept |= set(ByteLevel.alphabet())
    return kept & pieces.keys()


def unknown_piece(tokenizer: Tokenizer) -> int | None:
    """The number of the piece for what cannot be spelt; None where everything can, or none is named."""
    model = _document(tokenizer)["model"]
    named = _unknown(model)
    return None if named is None or model.get("byte_fallback") else tokenizer.token_to_id(named)


def _unknown(model: dict[str, Any]) -> str | None:
    if model["type"] == "Unigram":
        number = model["unk_id"]
        return None if number is None else str(model["vocab"][int(number)][0])
    return model.get("unk_token")


def _with_parts(document: dict[str, Any], pieces: dict[str, int], counts: Counts) -> dict[str, int]:
    """How often each piece is needed, by itself or to spell another that occurs."""
    model = document["model"]
    names = {number: piece for piece, number in pieces.items()}
    ranks: dict[tuple[str, str], int] = {}
    if model["type"] == "BPE":
        ranks = {(left, right): rank for rank, (left, right) in enumerate(model["merges"])}
    found: dict[str, int] = {}
    for number in np.flatnonzero(counts):
        piece = names[int(number)]
        parts = set(characters(model, piece))
        if ranks:
            parts |= set(_derived(model, ranks, piece))
        for part in {piece} | (parts & pieces.keys()):
            found[part] = found.get(part, 0) + int(counts[number])
    return found


def characters(model: dict[str, Any], piece: str) -> Iterator[str]:
    """A piece's characters, as pieces of one character are written in its place of a word."""
    inner = model.get("continuing_subword_prefix") or ""
    last = model.get("end_of_word_suffix") or ""
    within = bool(inner) and piece.startswith(inner)
    text = piece[len(inner) :] if within else piece
    ends = bool(last) and text.endswith(last)
    text = text[: len(text) - len(last)] if ends else text
    for place, character in enumerate(text):
        front = inner if within or place else ""
        yield front + character + (last if ends and place == len(text) - 1 else "")


def _derived(model: dict[str, Any], ranks: dict[tuple[str, str], int], piece: str) -> Iterator[str]:
    """What a piece is merged of on the way to it, in the order of BPE: the pair of the lowest rank
    first, of the same the left one. Within a word it is no other: nothing merges across its edges.
    """
    parts = list(characters(model, piece))
    while len(parts) > 1:
        pairs = [
            (ranks[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in ranks
        ]
        if not pairs:
            return  # a piece that is taken whole (`ignore_merges`), or written in bytes
        place = min(pairs)[1]
        parts[place : place + 2] = [_merged(model, *parts[place : place + 2])]
        yield parts[place]


def _merged(model: dict[str, Any], left: str, right: str) -> str:
    """The piece that two become: a mark of being inside a word is written once."""
    return left + right.removeprefix(model.get("continuing_subword_prefix") or "")


def _framing(part: Any) -> Iterator[int]:
    """The numbers of the pieces that a post-processor, and those within it, put around a text."""
    if not isinstance(part, dict):
        return
    for name in ("sep", "cls"):
        if isinstance(part.get(name), list):
            yield int(part[name][1])
    for special in (part.get("special_tokens") or {}).values():
        yield from map(int, special["ids"])
    for inner in part.get("processors") or []:
        yield from _framing(inner)


def _renumber(part: Any, new: dict[int, int]) -> None:
    """Give a post-processor, and those within it, the new numbers of its special pieces."""
    if not isinstance(part, dict):
        return
    for name in ("sep", "cls"):
        if isinstance(part.get(name), list):
            part[name][1] = new[int(part[name][1])]
    for special in (part.get("special_tokens") or {}).values():
        special["ids"] = [new[int(number)] for number in special["ids"]]
    for inner in part.get("processors") or []:
        _renumber(inner, new)
