"""Lengths, scripts and languages of pairs."""

from __future__ import annotations

import pytest

from lusifer.curation.filters.sanity import Lengths, in_script, languages, scripts
from lusifer.data.formats import Row
from lusifer.errors import LusiferError
from tests.conftest import TEXTS
from tests.curation.test_negatives import rows

LONG = " ".join(TEXTS)


def pair(query: str, document: str, language: str = "eng_Latn") -> Row:
    return rows((query, document, language))[0]


def test_lengths_scripts_and_languages() -> None:
    lengths = Lengths(3, 20, max_ratio=2)
    said = [
        lengths(pair(*p))
        for p in (("abc", "abcd"), ("ab", "abc"), ("abc", "x" * 21), ("abc", "abcdefg"))
    ]
    assert said == [
        None,
        "shorter than 3 characters",
        "longer than 20 characters",
        "one side more than 2 times as long as the other",
    ]
    by_script = scripts(("document",))
    assert by_script(pair("x", "नमस्ते दुनिया", "hin_Deva")) is None
    assert by_script(pair("x", "hello world", "hin_Deva")) == "document not in the script Deva"
    assert by_script(pair("x", "hello world", "xyz_Xxxx")) is None
    assert by_script(pair("x", "12345", "hin_Deva")) is None  # no letters to tell by
    assert in_script("これは日本語です", "Jpan")
    assert not in_script("これは日本語です", "Latn")
    german = "Der Bahnhof liegt hinter dem alten Markt, und der Zug fährt jede Stunde in die Stadt."
    in_language = languages(("query", "document"))
    assert in_language(pair(german, german, "deu_Latn")) is None
    assert in_language(pair(german, LONG, "deu_Latn")) == "document not in the language"
    assert in_language(pair("Hi", "Ja", "deu_Latn")) is None  # too short to say
    assert (
        in_language(pair(german, german, "qqq_Latn")) is None
    )  # a language that nobody tells apart
    with pytest.raises(LusiferError, match="max_ratio is"):
        Lengths(max_ratio=0.5)
