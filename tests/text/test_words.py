"""Words that search compares, in many scripts."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from lusifer.text.words import LONGEST, folded, query_terms, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café au LAIT, naïve!", "cafe au lait naive"),
        ("駅は古い", "駅 は 古 い 駅は は古 古い"),
        ("２０２６年", "2026 年"),
        ("हिन्दी में॥", "हिंदी में"),
        ("ਘਰ ਗਿਆ।", "ਘਰ ਗਿਆ"),
        ("བོད་ཡིག།", "བོད ཡིག"),
        ("المَكتبة، هـنا؟", "المكتبه هنا"),
        ("أحمد آسيا ٱلله مدرسى", "احمد اسيا الله مدرسي"),
        ("کتاب فارسی", "كتاب فارسي"),
        ("שָׁלוֹם־עולם", "שלום עולם"),
        ("Straße Łódź Đà ødegård", "strasse lodz da odegard"),
        ("İzmir ısı", "izmir isi"),
        ("٣٤ ४२ ໑", "34 42 1"),
        ("학교를", "학 교 를 학교 교를"),
        ("กิน", "กิ น กิน"),
        ("コーヒー ﾎﾟｽﾄ", "コ ー ヒ ー コー ーヒ ヒー ポ ス ト ポス スト"),
        ("Kaffee\u00adfil\u200bter \ufeffda", "kaffeefilter da"),
        ("o‘zbek oʻzbek o'zbek", "o zbek ozbek o zbek o zbek"),
        ("❤️ 👩‍🚀 🇫🇮", "❤ 👩 🚀 🇫🇮"),
        ("infor-\nmation", "information infor mation"),
        ("経\n済", "経 済 経済"),
        ("کتاب\u200cها", "كتابها كتاب ها"),
        ("ක්\u200dය", "ක්ය"),
        ("foo_bar C++ 3.5", "foo bar c 3 5"),
        ("...", ""),
    ],
)
def test_terms(text: str, expected: str) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("茶", "茶"),
        ("喝茶", "喝茶"),
        ("도서관", "도서 서관"),
        ("infor-\nmation", "information"),
        ("Łódź", "lodz"),
        ("ข้าว", "ข้า าว"),
    ],
)
def test_query_terms(query: str, expected: str) -> None:
    assert query_terms(query) == expected


@given(st.text(max_size=200))
def test_a_query_asks_for_words_of_the_text_it_is(text: str) -> None:
    one_line = " ".join(text.split())
    assert {*query_terms(one_line).split()} <= {*terms(one_line).split()}
    assert folded(folded(text)) == folded(text)


def test_a_word_without_end_is_cut() -> None:
    assert len(terms("ab" * 5000)) == LONGEST


@pytest.mark.parametrize("letter", ["x", "日", "ا", "क", "ก", "ʻ"])
def test_a_run_of_half_a_million_letters_is_read_once(letter: str) -> None:
    """To look for its parts from each letter on would take hours."""
    assert query_terms(letter * 500_000 + " end").endswith("end")
