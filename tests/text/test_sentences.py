"""Sentences and passages in many scripts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from lusifer.text.sentences import passages, sentences, weight


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Stone came. He paid 3.50 and left!", ["Dr. Stone came.", "He paid 3.50 and left!"]),
        ('She said: "No!" Then she slept.', ['She said: "No!"', "Then she slept."]),
        ("Am 3. Mai kommt er, d. h. bald. Gut.", ["Am 3. Mai kommt er, d. h. bald.", "Gut."]),
        (
            "今日は雨です。明日は晴れる！「そうか。」",
            ["今日は雨です。", "明日は晴れる！", "「そうか。」"],
        ),
        ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
        ("یہ پہلا ہے۔ کیا یہ دوسرا ہے؟ ہاں", ["یہ پہلا ہے۔", "کیا یہ دوسرا ہے؟", "ہاں"]),
        ("ሰላም ነው። ደህና ነኝ።", ["ሰላም ነው።", "ደህና ነኝ።"]),
        ("မင်္ဂလာပါ။ နေကောင်းလား။", ["မင်္ဂလာပါ။", "နေကောင်းလား။"]),
        ("วันนี้ฝนตก พรุ่งนี้อากาศดี", ["วันนี้ฝนตก", "พรุ่งนี้อากาศดี"]),
        ("Πού είναι; Εδώ.", ["Πού είναι;", "Εδώ."]),
        ("A title\n\nThe text; it goes on.", ["A title", "The text; it goes on."]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == expected


@given(st.text(alphabet=st.sampled_from("ab. 。।\n漢é\u0301؟ "), max_size=400), st.integers(8, 60))
def test_passages_keep_every_letter_once_and_in_order(text: str, size: int) -> None:
    spans = list(passages(text, size))
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    outside = text
    for a, b in reversed(spans):
        outside = outside[:a] + outside[b:]
    assert not outside.strip()
    kept = "".join("".join(text[a:b].split()) for a, b in spans)
    assert kept == "".join(text.split())


def test_passages_are_about_as_long_as_asked() -> None:
    prose = "A sentence of some words stands here. " * 100
    assert all(weight(prose[a:b]) <= 520 for a, b in passages(prose, 500))
    endless, wide = "word " * 1000, "漢" * 1000
    assert all(b - a <= 500 for a, b in passages(endless, 500))
    assert [b - a for a, b in passages(wide, 500)] == [200] * 5


def test_a_heading_stays_with_its_text_and_a_paragraph_stands_alone() -> None:
    text = (
        "Harbour\n\n"
        + "The ferry leaves at six from the new pier. " * 3
        + "\n\nLibrary\n\n"
        + "It closes at noon."
    )
    assert [text[a:b].split("\n")[0] for a, b in passages(text, 300)] == ["Harbour", "Library"]


OPENING = (
    "Opening hours\n\nMonday to Friday nine to five and on Saturday from ten until two\n\n"
    "How to reach us\n\nTake bus 12 to the town hall and walk two minutes along the river\n\n"
)


@pytest.mark.parametrize(
    "blank", ["\r\n\r\n", "\r\r", "\n \n", "\n\u3000\n", "\n\u00a0\n", "\u2029", "\n\u2028"]
)
def test_a_blank_line_is_one_whatever_ends_lines(blank: str) -> None:
    def cut(text: str) -> list[str]:
        return [text[a:b] for a, b in passages(text, 100)]

    assert len(cut(OPENING)) == 2
    changed = cut(OPENING.replace("\n\n", blank))
    assert [" ".join(text.split()) for text in changed] == [
        " ".join(text.split()) for text in cut(OPENING)
    ]
