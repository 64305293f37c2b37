"""Languages as users name them."""

from __future__ import annotations

import pytest

from lusifer.errors import LusiferError
from lusifer.text import Languages
from lusifer.text.codes import ENGLISH, GROUPS, TWO, code_of, sides

FILES = ["arb_Arab", "deu_Latn", "eng_Latn", "hin_Deva", "jpn_Jpan", "zho_Hans", "zho_Hant"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, FILES),
        (["de"], ["deu_Latn"]),
        (["deu"], ["deu_Latn"]),
        (["deu_Latn"], ["deu_Latn"]),
        (["zh"], ["zho_Hans", "zho_Hant"]),
        (["zho_Hant"], ["zho_Hant"]),
        (["ar", "hin_Deva"], ["arb_Arab", "hin_Deva"]),
        (["hin_Latn"], []),
    ],
)
def test_a_language_is_found_by_each_of_its_names(
    asked: list[str] | None, found: list[str]
) -> None:
    assert Languages.of(asked).among(dict.fromkeys(FILES)) == found


@pytest.mark.parametrize("pair", ["es-en", "en-es", "spa-eng", "spa_Latn-eng_Latn"])
def test_of_a_pair_with_english_the_other_counts(pair: str) -> None:
    assert pair in Languages.of(["es"])
    assert pair not in Languages.of(["fr"])
    assert "eng" in sides(pair)


@pytest.mark.parametrize("name", ["German", "DE", "deu_latn", "xx", "d", "deu-Latn", ""])
def test_what_is_no_code_is_told(name: str) -> None:
    with pytest.raises(LusiferError, match="no language is called"):
        Languages.of([name])


def test_a_group_may_lack_some_and_a_name_may_not() -> None:
    asked = Languages.of(["tatoeba-36", "hi"])
    asked.check(["hin_Deva"])
    with pytest.raises(LusiferError, match="has the language 'hin'"):
        asked.check(["deu_Latn"])
    assert len(GROUPS["tatoeba-36"]) == 37
    assert all(len(two) == 2 and len(three) == 3 for two, three in TWO.items())


def test_a_language_as_files_name_it() -> None:
    assert [code_of(c) for c in ("hi", " hin ", "hin_Deva", "en", "eng", "eng_Latn")] == [
        "hin", "hin", "hin_Deva", ENGLISH, ENGLISH, ENGLISH
    ]  # fmt: skip
    assert code_of("Klingon") == "Klingon"
    assert code_of("und-Cyrl") == "und-Cyrl"
