"""New pieces for a language that a tokenizer spells badly, and the tokenizer that has them too.

Method: BPE is continued (Sennrich et al., arXiv 1508.07909) over the corpus as the tokenizer spells it:
the two pieces that stand side by side most often become one, again and again. So whatever its kind, a
new piece is made of old ones, and where none of the new pieces stands a text is spelt as before:

* BPE gets the merges behind its own.
* Unigram gets each new piece with a little more than the scores of its parts, so that it is taken where
  they stood.
* WordPiece takes the longest piece that there is.

Characters that the tokenizer does not know are pieces first. Cost: one pass of the tokenizer over the
distinct words, and a pass over the words of a pair each time it is joined. Not for a language that is
spelt in words already: two tokens a word need no more pieces.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lusifer.errors import ModelError
from lusifer.reshaping.pieces import BYTE, characters, plainly, unknown_piece, with_scores

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RARE = 3  # how often a pair, or an unknown character, must stand in the corpus
LONGEST = 24  # letters of a new piece, at most
STRETCH = 100  # pieces of a word that are looked at together: some scripts write no spaces
MORE = 0.01  # of Unigram's score, than the parts of a new piece have together


@dataclass(frozen=True)
class NewPiece:
    """A piece and the two that it is made of; none for a character that was not known."""

    piece: str
    parts: tuple[str, str] | None


def words_of(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    """The words of some texts as a tokenizer cuts them before it spells them, and how often each stands."""
    counts: Counter[str] = Counter()
    for text in texts:
        shown = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        if tokenizer.pre_tokenizer:
            cut = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(shown)]
        else:  # Gemma's kind, which spells a whole text at once: a word begins with its mark
            cut = [f"▁{word}" if i else word for i, word in enumerate(shown.split("▁"))]
        counts.update(word for word in cut if word)
    return counts


def unknown_characters(tokenizer: Tokenizer, words: Counter[str]) -> list[str]:
    """Characters that a tokenizer cannot spell, the most frequent first.

    Args:
        tokenizer: any kind.
        words: of the corpus, with their counts.

    Returns:
        The characters that stand `RARE` times or more; none where everything is spelt in bytes.
    """
    if unknown_piece(tokenizer) is None:
        return []
    known = tokenizer.get_vocab()
    model = json.loads(tokenizer.to_str())["model"]
    last = model.get("end_of_word_suffix") or ""
    found: Counter[str] = Counter()
    for word, count in words.items():
        for character in characters(model, word + last):
            if character not in known:
                found[character] += count
    return [piece for piece, count in found.most_common() if count >= RARE]


def joined_pieces(tokenizer: Tokenizer, words: Counter[str], wanted: int) -> list[NewPiece]:
    """New pieces out of old ones, in the order in which they are made.

    Args:
        tokenizer: which knows the corpus's characters.
        words: of the corpus, with their counts.
        wanted: how many pieces, at most.

    Returns:
        The pieces; fewer where no pair is left that stands `RARE` times.
    """
    inner = json.loads(tokenizer.to_str())["model"].get("continuing_subword_prefix") or ""
    known, unknown = tokenizer.get_vocab(), unknown_piece(tokenizer)
    spelt: list[list[str]] = []
    counts: list[int] = []
    for word, count in words.items():
        tokens = tokenizer.model.tokenize(word)
        pieces = [token.value for token in tokens]
        if len(pieces) > 1 and all(t.id != unknown and not BYTE.fullmatch(t.value) for t in tokens):
            for start in range(0, len(pieces), STRETCH):
                spelt.append(pieces[start : start + STRETCH])
                counts.append(count)
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, pieces in enumerate(spelt):
        for pair in itertools.pairwise(pieces):
            pairs[pair] += counts[number]
            where[pair].add(number)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    made: list[NewPiece] = []
    taken, read = set(known), reader_of(tokenizer)
    while heap and len(made) < wanted:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:  # it was counted anew since
            if pairs[pair] >= RARE:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        if -count < RARE:
            break
        piece = pair[0] + pair[1].removeprefix(inner)
        if len(read(piece)) > LONGEST:
            pairs[pair] = 0
            continue
        if piece not in taken:
            taken.add(piece)
            made.append(NewPiece(piece, pair))
        changed = set()
        for number in list(where[pair]):
            changed |= _join(spelt[number], pair, piece, counts[number], number, pairs, where)
        pairs[pair] = 0
        for other in changed:
            if pairs[other] >= RARE:
                heapq.heappush(heap, (-pairs[other], other))
    return made


def _join(
    pieces: list[str],
    pair: tuple[str, str],
    piece: str,
    count: int,
    number: int,
    pairs: Counter[tuple[str, str]],
    where: dict[tuple[str, str], set[int]],
) -> set[tuple[str, str]]:
    """Join a pair within a word, in place; the pairs that are new there."""
    for old in itertools.pairwise(pieces):
        pairs[old] -= count
    joined: list[str] = []
    fresh = False
    for one in pieces:
        # A piece that was just made is not joined again: "aaa" is "aa" and "a".
        if joined and (joined[-1], one) == pair and not fresh:
            joined[-1], fresh = piece, True
        else:
            joined.append(one)
            fresh = False
    pieces[:] = joined
    found = set()
    for new in itertools.pairwise(pieces):
        pairs[new] += count
        where[new].add(number)
        found.add(new)
    return found


def reader_of(tokenizer: Tokenizer) -> Callable[[str], str]:
    """What turns a piece into the text that it stands for: bytes into letters, where pieces are bytes."""
    from tokenizers.decoders import ByteLevel

    if '"ByteLevel"' not in tokenizer.to_str():
        return str
    decoder = ByteLevel()
    return lambda piece: str(decoder.decode([piece]))


def with_pieces(tokenizer: Tokenizer, new: list[NewPiece]) -> Tokenizer:
    """The tokenizer with more pieces, numbered behind its own.

    Args:
        tokenizer: of the kind Unigram, BPE or WordPiece.
        new: the pieces, in the order in which they were made.

    Returns:
        The tokenizer. What its own pieces are numbered stays.

    Raises:
        ModelError: where it is of another kind.
    """
    from tokenizers import Tokenizer

    document = json.loads(tokenizer.to_str())
    model: dict[str, Any] = document["model"]
    kind = model["type"]
    if kind not in ("Unigram", "BPE", "WordPiece"):
        raise ModelError(
            f"a tokenizer of the kind {kind} cannot be extended; Unigram, BPE and WordPiece can"
        )
    numbers = tokenizer.get_vocab(with_added_tokens=True)
    first = 1 + max(numbers.values())
    names = {number: piece for piece, number in numbers.items()}
    if kind == "Unigram":
        scores = {piece: float(score) for piece, score in model["vocab"]}
        least = min(scores.values())
        placed = [names.get(i, f"<unused{i}>") for i in range(first)]
        model["vocab"] = with_scores(model["vocab"], placed)
        # New pieces come behind the added ones, which so need places of their own.
        model["vocab"] += [[name, least] for name in placed[len(model["vocab"]) :]]
        for one in new:
            own = least if one.parts is None else sum(scores[part] for part in one.parts) + MORE
            scores[one.piece] = own
            model["vocab"].append([one.piece, own])
    else:
        model["vocab"] |= numbers
        model["vocab"] |= {one.piece: first + i for i, one in enumerate(new)}
    if kind == "BPE":
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
        model["merges"] = [*pairs, *(list(one.parts) for one in new if one.parts)]
    made: Tokenizer = Tokenizer.from_str(json.dumps(document, ensure_ascii=False))
    return made


def new_pieces(tokenizer: Tokenizer, texts: Iterable[str], wanted: int) -> list[NewPiece]:
    """What a tokenizer lacks for some texts: characters first, then pieces of what it has.

    Args:
        tokenizer: any kind.
        texts: of the language.
        wanted: how many pieces, at most.

    Returns:
        The pieces, for `with_pieces`.
    """
    whole = plainly(tokenizer)
    words = words_of(whole, texts)
    lacking = [NewPiece(piece, None) for piece in unknown_characters(whole, words)[:wanted]]
    if lacking:
        whole = with_pieces(whole, lacking)
    return [*lacking, *joined_pieces(whole, words, wanted - len(lacking))]
