"""New pieces are made of old ones, are taken where these stood, and change nothing elsewhere."""

from __future__ import annotations

import itertools
import time
from collections import Counter

import pytest
from tokenizers import Tokenizer

from lusifer.errors import ModelError
from lusifer.reshaping.new_pieces import (
    RARE,
    NewPiece,
    joined_pieces,
    new_pieces,
    unknown_characters,
    with_pieces,
    words_of,
)
from tests.conftest import TEXTS
from tests.reshaping.test_pieces import FOREIGN, KINDS, spelt, tokenizer_of

# A language that none of the tokenizers was made for: words of few syllables, again and again.
MADE_UP = [
    " ".join(words)
    for words in itertools.product(
        ["takamiru", "soranoki", "belatuma"], ["verikosa", "nadolupe"], ["rimu", "katoza"]
    )
] * 2
EXTENDED = [kind for kind in KINDS if kind != "word_level"]


@pytest.mark.parametrize("kind", EXTENDED)
def test_a_language_takes_fewer_tokens_and_others_stay_as_they_are(kind: str) -> None:
    whole = tokenizer_of(kind)
    before = Tokenizer.from_str(whole.to_str())
    new = new_pieces(whole, MADE_UP, 200)
    more = with_pieces(whole, new)
    assert new
    assert more.get_vocab_size() == whole.get_vocab_size() + len(new)
    tokens = [sum(len(t.encode(text).ids) for text in MADE_UP) for t in (whole, more)]
    assert tokens[1] < 0.6 * tokens[0]
    numbers = whole.get_vocab()
    assert {piece: more.token_to_id(piece) for piece in numbers} == numbers
    assert [more.token_to_id(one.piece) for one in new] == list(
        range(max(numbers.values()) + 1, more.get_vocab_size())
    )
    known = {one.piece for one in new}
    for text in [*TEXTS, *FOREIGN]:
        if not known & set(more.encode(text).tokens):
            assert spelt(more, text) == spelt(whole, text)
    assert whole.get_vocab() == numbers == before.get_vocab(), "the tokenizer itself stays"


@pytest.mark.parametrize("kind", ["word_piece", "unigram", "end_of_word", "inside_a_word"])
def test_characters_that_are_unknown_become_pieces(kind: str) -> None:
    """And words of them are joined as all others are."""
    whole = tokenizer_of(kind)
    texts = ["ⴰⵣⵓⵍ ⴰⵎⴰⵣⵉⵖ", "ⴰⵣⵓⵍ ⵜⴰⵎⴰⵣⵉⵖⵜ"] * 4
    assert any("<unk>" in spelt(whole, text) for text in texts)
    new = new_pieces(whole, texts, 100)
    more = with_pieces(whole, new)
    characters = [one for one in new if one.parts is None]
    assert characters
    assert not any("<unk>" in spelt(more, text) for text in texts)
    assert any(one.parts for one in new) or kind == "end_of_word"
    few = new_pieces(whole, texts, 2)
    assert [one.parts for one in few] == [None, None], "characters come first"


@pytest.mark.parametrize("kind", ["byte_level", "gemma_like", "taken_whole"])
def test_what_is_spelt_in_bytes_has_no_unknown_character(kind: str) -> None:
    whole = tokenizer_of(kind)
    assert unknown_characters(whole, words_of(whole, ["ⴰⵣⵓⵍ ⴰⵎⴰⵣⵉⵖ"] * 5)) == []


def test_pairs_are_joined_as_plain_counting_would() -> None:
    """The most frequent pair first, counted anew after each step."""
    whole = tokenizer_of("byte_level")
    words = words_of(whole, MADE_UP + TEXTS)
    lines = {word: [t.value for t in whole.model.tokenize(word)] for word in words}
    expected = []
    while True:
        counts: Counter[tuple[str, str]] = Counter()
        for word, pieces in lines.items():
            for pair in itertools.pairwise(pieces):
                counts[pair] += words[word]
        best = min(((-n, pair) for pair, n in counts.items()), default=(0, ("", "")))
        if -best[0] < RARE:
            break
        pair = best[1]
        expected.append((pair[0] + pair[1], pair))
        for word, pieces in lines.items():
            at = 0
            while at < len(pieces) - 1:
                if (pieces[at], pieces[at + 1]) == pair:
                    pieces[at : at + 2] = [pair[0] + pair[1]]
                at += 1
            lines[word] = pieces
    found = [(one.piece, one.parts) for one in joined_pieces(whole, words, 10_000)]
    seen = dict.fromkeys(piece for piece, _ in expected)
    assert [piece for piece, _ in found] == [p for p in seen if p not in whole.get_vocab()]
    assert set(found) <= set(expected)
    assert found[:5] == joined_parts(joined_pieces(whole, words, 5))


def joined_parts(new: list[NewPiece]) -> list[tuple[str, tuple[str, str] | None]]:
    return [(one.piece, one.parts) for one in new]


def test_a_text_without_spaces_is_looked_at_in_stretches() -> None:
    """A page of Japanese is one word: to walk it all for each new piece would take hours."""
    whole = tokenizer_of("gemma_like")
    page = "駅は古い市場の裏にある。" * 3_000
    begun = time.process_time()
    new = new_pieces(whole, [page], 300)
    assert new
    assert time.process_time() - begun < 60
    assert len(with_pieces(whole, new).encode(page).ids) < len(whole.encode(page).ids)


def test_words_are_those_that_the_tokenizer_cuts() -> None:
    assert words_of(tokenizer_of("word_piece"), ["Ab ab, x"]) == Counter({"ab": 2, ",": 1, "x": 1})
    assert words_of(tokenizer_of("gemma_like"), ["ab cd", "ab"]) == Counter({"ab": 2, "▁cd": 1})


def test_nothing_is_made_of_what_stands_once() -> None:
    assert new_pieces(tokenizer_of("unigram"), ["takamiru"], 100) == []


def test_another_kind_is_told() -> None:
    with pytest.raises(ModelError, match="of the kind WordLevel cannot be extended"):
        with_pieces(tokenizer_of("word_level"), [])
