"""Any script in Latin letters."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from lusifer.errors import MissingExtra
from lusifer.text.transliteration import latin


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("сегодня", "segodnya"),
        ("परिवार", "privar"),
        ("Größe", "Grosse"),
        ("안녕", "annyeong"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_word_of_any_script_is_ascii(text: str, due: str) -> None:
    found = latin(text)
    assert found.isascii()
    assert found.lower() == due.lower()


def test_the_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *more: Any, **settings: Any) -> Any:
        if name == "anyascii":
            raise ModuleNotFoundError(name=name)
        return real(name, *more, **settings)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtra, match=r"anyascii.*lusifer\[train\]"):
        latin("я")
