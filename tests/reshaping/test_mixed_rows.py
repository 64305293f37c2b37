"""Rows of new pieces are the mixes that each way says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lusifer.reshaping.mixed_rows import (
    by_likeness,
    by_parts,
    by_script,
    by_translations,
    corpus_space,
    mixed,
    sparsemax,
)
from lusifer.reshaping.new_pieces import NewPiece, new_pieces, with_pieces
from tests.reshaping.test_new_pieces import MADE_UP
from tests.reshaping.test_pieces import tokenizer_of

NUMBERS = {"a": 0, "b": 1, "c": 2, "ж": 3}
TABLE = np.eye(4, dtype=np.float32)


def test_a_piece_is_the_mean_of_its_parts() -> None:
    new = [NewPiece("ab", ("a", "b")), NewPiece("abc", ("ab", "c")), NewPiece("ⴰ", None)]
    weights = by_parts(new, NUMBERS)
    assert weights == {"ab": {0: 0.5, 1: 0.5}, "abc": {0: 0.25, 1: 0.25, 2: 0.5}}
    rows = mixed(TABLE, new[:2], weights)
    np.testing.assert_allclose(rows, [[0.5, 0.5, 0, 0], [0.25, 0.25, 0.5, 0]])


def test_a_piece_with_an_unknown_part_is_what_is_known_of_it() -> None:
    new = [NewPiece("ⴰ", None), NewPiece("aⴰ", ("a", "ⴰ")), NewPiece("ⴰⴰ", ("ⴰ", "ⴰ"))]
    assert by_parts(new, NUMBERS) == {"aⴰ": {0: 1.0}}


def test_a_piece_is_the_mean_of_its_script() -> None:
    new = [NewPiece("жук", None), NewPiece("xyz", None), NewPiece("12", None), NewPiece("水", None)]
    weights = by_script(new, NUMBERS, str)
    assert weights == {"жук": {3: 1.0}, "xyz": dict.fromkeys((0, 1, 2), pytest.approx(1 / 3))}


def test_rows_without_weights_are_drawn_alike() -> None:
    table = np.random.default_rng(1).normal(3, 2, (500, 8)).astype(np.float32)
    new = [NewPiece(str(i), None) for i in range(400)]
    rows = mixed(table, new, {}, seed=5)
    np.testing.assert_array_equal(rows, mixed(table, new, {}, seed=5))
    assert abs(rows.mean() - 3) < 0.2
    assert abs(rows.std() - 2) < 0.2


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_sparsemax_is_the_nearest_point_of_the_simplex(scores: list[float]) -> None:
    given_scores = np.array(scores)
    found = sparsemax(given_scores)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    rng = np.random.default_rng(0)
    distance = ((found - given_scores) ** 2).sum()
    for _ in range(20):
        other = rng.dirichlet(np.ones(len(scores)))
        assert distance <= ((other - given_scores) ** 2).sum() + 1e-9


def test_likeness_is_of_pieces_that_stand_alike() -> None:
    """Two made-up words that always stand in the same places are near, one elsewhere is not."""
    whole = tokenizer_of("unigram")
    texts = [f"the {word} closes at six {i}" for i in range(6) for word in ("library", "takamiru")]
    texts += [f"she drinks water {i} soranoki" for i in range(6)]
    new = new_pieces(whole, MADE_UP, 100)
    more = with_pieces(whole, new)
    vectors = corpus_space(more, texts)
    assert all(np.linalg.norm(v) == pytest.approx(1, abs=1e-4) for v in vectors.values())
    weights = by_likeness(new, whole.get_vocab(with_added_tokens=False), more, texts)
    assert weights
    for own in weights.values():
        assert sum(own.values()) == pytest.approx(1)
        assert max(own) < whole.get_vocab_size()
    assert corpus_space(more, ["x"]) == {}


def test_translations_find_the_english_word() -> None:
    whole = tokenizer_of("word_piece")
    pairs = [(f"the {e}", f"{f} zo") for e, f in (("market", "takamiru"), ("bread", "soranoki"), ("storm", "belatuma"))] * 4  # fmt: skip
    new = new_pieces(whole, [f for _, f in pairs], 100)
    more = with_pieces(whole, new)
    numbers = whole.get_vocab(with_added_tokens=False)
    weights = by_translations(new, numbers, more, pairs)
    names = {number: piece for piece, number in numbers.items()}
    for english, foreign in (("market", "takamiru"), ("bread", "soranoki"), ("storm", "belatuma")):
        (piece, *_) = more.encode(foreign, add_special_tokens=False).tokens
        best = names[max(weights[piece], key=lambda i, own=weights[piece]: own[i])]  # type: ignore[misc]
        spelling = whole.encode(english, add_special_tokens=False).tokens
        assert best in spelling, (foreign, best)
