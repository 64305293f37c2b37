"""Which texts are the same to a reader."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from lusifer.text.comparable import comparable


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Thank you", "thank you."),
        ("Hello, world!", "hello world"),
        ("Open\u00a0now", "open  now?"),
        ("今日は", "今日は。"),
        ("यह है।", "यह है"),
        ("ما هذا؟", "ما هذا"),
        ("¿Qué tal?", "Qué tal"),
        ("ﾊﾟﾝ", "パン"),
        ("“Yes”", "yes"),
        ("At 9:,", "at 9"),
        ("Schluss.,;", "Schluss"),
        ("終わり。、", "終わり"),
        ("क्या?,", "क्या"),
        ("٣:،", "٣"),
    ],
)
def test_the_same(first: str, second: str) -> None:
    assert comparable(first) == comparable(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("C", "C++"),
        ("2.5 kg", "25 kg"),
        ("-7 degrees", "7 degrees"),
        ("4+4", "4-4"),
        ("10² m", "102 m"),
        ("🙂🙂", "👍👍"),
        ("???", "!!!"),
        ("resume", "résumé"),
        ("#1", "1"),
        ("3 €", "3 $"),
    ],
)
def test_not_the_same(first: str, second: str) -> None:
    assert comparable(first) != comparable(second)


@given(st.text(st.sampled_from("a0C+.,:;?! '\")]-«»،、。१٣²"), max_size=9))
def test_the_form_of_a_form_is_itself(text: str) -> None:
    form = comparable(text)
    assert comparable(form) == form or not form
