"""What cannot be seen changes no text."""

from __future__ import annotations

import pytest

from lusifer.text.visible import half_characters, on_one_line, printable, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kaffee\u00adfilter", "Kaffeefilter"),
        ("wa\u200bter", "water"),
        ("\ufeffhello", "hello"),
        ("\u200fשלום\u200e", "שלום"),
        ("foo\u2060bar", "foobar"),
        ("می\u200cروم", "می\u200cروم"),  # the joiners of Persian and Indic writing are seen
        ("ক্\u200dষ", "ক্\u200dষ"),
        ("👩\u200d🚀 ❤\ufe0f", "👩\u200d🚀 ❤\ufe0f"),
        (" " * 500 + "x", " x"),
        ("a" * 130 + "\n" * 33 + "x", "a" * 130 + " x"),
        ("    four", "    four"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_half_characters() -> None:
    assert half_characters("cut \ud83d")
    assert not half_characters("whole 😀")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\t", "\u2028", "\u2029", "\x85", "\v"])
def test_a_file_name_is_shown_on_one_line(end: str) -> None:
    shown = on_one_line(f"one{end}two.txt")
    assert len(shown.splitlines()) == 1
    assert shown.strip("onetw.x\ufffd") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("a\x9b2Jb", "a\ufffd2Jb"),
        ("bell\x07 \x00", "bell\ufffd \ufffd"),
        ("back\x08\x7f", "back\ufffd\ufffd"),
        ("\u202eevil", "\ufffdevil"),
        ("tab\tand\nline שלום 👩\u200d🚀", "tab\tand\nline שלום 👩\u200d🚀"),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert len(printable(text)) == len(text)
