"""Which texts are the same to a reader."""

from __future__ import annotations

import pytest

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
