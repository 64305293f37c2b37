"""How people also write: each change does what it says, and to no more than it says."""

from __future__ import annotations

import pytest

from lusifer.evaluation.diagnostics.perturb import CHANGES, no_accents, typing_errors

TEXTS = {
    "French": "L'élève a bâti une cabane près du chêne.",
    "Vietnamese": "Đường này dẫn đến thư viện thành phố.",
    "Greek": "Η γάτα κοιμάται στο παράθυρο.",
    "Russian": "Ёжик купил свежий йогурт.",
    "Hindi": "बच्चे नदी के किनारे खेल रहे हैं।",
    "Thai": "แมวนอนอยู่ใต้โต๊ะ",
    "Arabic": "ذَهَبَ الوَلَدُ إلى المَدرَسة",
    "Chinese": "图书馆周五六点关门",
    "empty": "",
}
PLAIN = {
    "French": "L'eleve a bati une cabane pres du chene.",
    "Vietnamese": "Đuong nay dan đen thu vien thanh pho.",
    "Greek": "Η γατα κοιμαται στο παραθυρο.",
    "Russian": "Ежик купил свежии иогурт.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_accents_go_where_they_are_accents_and_vowels_stay(language: str) -> None:
    text = TEXTS[language]
    assert no_accents(text) == PLAIN.get(language, text)


@pytest.mark.parametrize("language", TEXTS)
def test_typing_errors_exchange_neighbours_and_lose_nothing(language: str) -> None:
    text = TEXTS[language]
    wrong = typing_errors(text)
    assert sorted(wrong) == sorted(text)
    assert wrong == typing_errors(text)
    assert [len(word) for word in wrong.split(" ")] == [len(word) for word in text.split(" ")]
    changed = sum(a != b for a, b in zip(wrong, text, strict=True))
    assert changed in (0, 2)


def test_a_seed_decides_where() -> None:
    text = TEXTS["French"]
    assert len({typing_errors(text, seed) for seed in range(20)}) > 3


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("language", TEXTS)
def test_every_change_takes_every_language(name: str, language: str) -> None:
    changed = CHANGES[name](TEXTS[language])
    assert isinstance(changed, str)
    assert bool(changed) == bool(TEXTS[language])
    if name == "Latin letters":
        assert changed.isascii()
