"""Languages of passages."""

from __future__ import annotations

import pytest

from lusifer.errors import LusiferError
from lusifer.text.identification import asked_languages, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("茶を飲む", "ja"),
        ("문이 닫혔다", "ko"),
        ("ประตู", "th"),
        ("门开了", "und-Hani"),
        ("图书馆今天上午九点才开门，请大家在门口耐心等待。", "zh"),
        ("দরজা", "und-Beng"),
        ("Tür zu", "und-Latn"),
        ("Der Zug nach Hamburg fährt heute leider erst um sieben Uhr ab.", "de"),
        ("2024-05-01 12:00:03 ERROR could not open the connection to the database", "en"),
        ("བོད་ཡིག", "und-Tibt"),
        ("42", "und-Zyyy"),
    ],
)
def test_language_of(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deu_Latn", ["de", "und-Latn"]),
        ("hi", ["hi", "und-Deva"]),
        ("zho_Hans", ["zh", "wuu", "yue", "und-Hani"]),
        ("jpn", ["ja", "und-Hani", "und-Jpan"]),
        ("bod", ["bo", "dz", "und-Tibt"]),
        ("srp", ["sr", "und-Cyrl", "und-Latn"]),
        ("en", ["en", "pcm", "und-Latn"]),
    ],
)
def test_asked_languages(name: str, expected: list[str]) -> None:
    assert asked_languages(name) == expected


def test_a_language_that_is_not_told_apart_is_refused() -> None:
    with pytest.raises(LusiferError, match="language 'xx'"):
        asked_languages("xx")
