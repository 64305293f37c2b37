"""What is written twice, and what only looks so."""

from __future__ import annotations

import pytest

from lusifer.curation.filters.duplicates import exact, near
from lusifer.errors import LusiferError
from tests.conftest import TEXTS
from tests.curation.filters.test_sanity import LONG, pair


def test_exact_duplicates_ignore_case_space_and_punctuation_but_not_letters() -> None:
    test = exact()
    assert test(pair("A b, c!", "Straße")) is None
    assert test(pair("a  B c", "STRASSE")) == "an exact duplicate"
    assert test(pair("a b d", "STRASSE")) is None
    assert test(pair("?", "!")) is None
    assert test(pair("!", "?")) is None  # no letters: told apart by themselves


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("C?", "C++?"),
        ("2.5 kg", "25 kg"),
        ("-7", "7"),
        ("4+4", "4-4"),
        ("🙂🙂", "🚀🚀"),
        ("???", "!!!"),
    ],
)
def test_a_sign_with_a_meaning_makes_no_duplicate(first: str, second: str) -> None:
    for test in (exact(), near()):
        assert test(pair(first, "one answer")) is None
        assert test(pair(second, "one answer")) is None


@pytest.mark.parametrize("threshold", [1.0, 0.99, 0.5, 0.001])
def test_every_similarity_that_is_allowed_works(threshold: float) -> None:
    test = near(threshold)
    assert test(pair("How does one bake good bread at home?", LONG)) is None
    assert test(pair("How does one bake good bread at home?", LONG)) == "a near duplicate"
    other = test(pair("Why is the sea so salty?", "Rivers carry salt into it."))
    assert other is None or threshold < 0.01


def test_near_duplicates_are_near_on_both_sides() -> None:
    test = near(0.7)
    assert test(pair(TEXTS[0] + " How so?", LONG)) is None
    assert test(pair(TEXTS[1] + " And why?", LONG)) is None  # another question of the same passage
    assert test(pair(TEXTS[0] + " How so, sir?", LONG + " Yes.")) == "a near duplicate"
    with pytest.raises(LusiferError, match="similarity above 0"):
        near(0)
