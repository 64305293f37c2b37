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
        ("yue_Hant", "Cantonese (traditional characters)"),
        ("sat_Olck", "Santali"),
        ("xyz_Latn", "the language with the ISO 639-3 code xyz"),
        ("", ""),
    ],
)
def test_a_code_has_its_english_name(code: str, name: str) -> None:
    assert english_name(code) == name


@pytest.mark.parametrize("code", TATOEBA_36)
def test_every_usual_language_has_one(code: str) -> None:
    assert english_name(code)[0].isupper()


@pytest.mark.parametrize("code", TWO.values())
def test_languages_with_two_letters_have_names(code: str) -> None:
    assert "ISO" not in english_name(code)
