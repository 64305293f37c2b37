"""Lines that a page's width broke."""

from __future__ import annotations

import pytest

from lusifer.text.unwrap import unwrap


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("further infor-\nmation here", "further information here"),
        ("eine Schwimm-\r\nhalle", "eine Schwimmhalle"),
        ("Nord-\nSüd", "Nord- Süd"),
        ("他在北\n京读书", "他在北京读书"),
        ("経\r済", "経済"),
        ("ภาษา\nไทย", "ภาษาไทย"),
        ("서울은\n크다", "서울은 크다"),
        ("two\n\tlines", "two lines"),
        ("в инсти-\nтуте", "в институте"),
    ],
)
def test_unwrap(text: str, expected: str) -> None:
    assert unwrap(text) == expected
