"""The script of a text."""

from __future__ import annotations

import pytest

from lusifer.text.scripts import in_script, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello", "Latn"),
        ("Привет", "Cyrl"),
        ("图书馆", "Hani"),
        ("図書館で", "Jpan"),
        ("ｶﾀｶﾅ", "Jpan"),
        ("학교", "Kore"),
        ("विद्यालय", "Deva"),
        ("ᱥᱟᱱᱛᱟᱲᱤ", "Olck"),
        ("བོད", "Tibt"),
        ("𝐁𝐨𝐥𝐝", "Latn"),
        ("123 !?", "Zyyy"),
        ("", "Zyyy"),
    ],
)
def test_script_of(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("ｶﾀｶﾅﾃﾞｽ", "Jpan", True),
        ("ﾡﾢﾣﾤ", "Kore", True),
        ("𝐁𝐨𝐥𝐝 𝐭𝐞𝐱𝐭", "Latn", True),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "Latn", True),
        ("ⓒⓘⓡⓒⓛⓔ", "Latn", True),
        ("漢字だけ", "Hans", True),
        ("Привет", "Latn", False),
        ("hello", "Deva", False),
        ("hello", "Xxxx", True),
        ("hello", "", True),
        ("ab", "Deva", True),
    ],
)
def test_in_script(text: str, code: str, expected: bool) -> None:
    assert in_script(text, code) is expected
