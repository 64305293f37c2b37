"""Languages by the names that people know."""

from __future__ import annotations

import pytest

from lusifer.text import english_name
from lusifer.text.codes import TATOEBA_36, TWO


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("deu_Latn", "German"),
        ("deu", "German"),
        ("zho_Hans", "Chinese (simplified characters)"),
        ("zho_Hant", "Chinese (traditional characters)"),
        ("arb_Arab", "Arabic"),
        ("swh_Latn", "Swahili"),
        ("xyz_Latn", "xyz_Latn"),
        ("", ""),
    ],
)
def test_a_code_has_its_english_name(code: str, name: str) -> None:
    assert english_name(code) == name


@pytest.mark.parametrize("code", TATOEBA_36)
def test_every_usual_language_has_one(code: str) -> None:
    assert english_name(code)[0].isupper()


def test_languages_with_two_letters_have_names() -> None:
    unknown = [three for three in TWO.values() if english_name(three) == three]
    assert len(unknown) < len(TWO) / 4, unknown
