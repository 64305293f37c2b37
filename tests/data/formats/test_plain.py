"""A line of a text is a row, whatever ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data import read_rows

LINES = [
    "Où est la gare ?",
    "駅はどこですか。",
    "Wo ist der Bahnhof?",
    "أين المحطة؟",
    "Missä asema on?",
]


@pytest.mark.parametrize("last", ["with", "without"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
def test_lines_are_rows_and_numbered(end: str, last: str, tmp_path: Path) -> None:
    text = end.join(LINES) + (end if last == "with" and end != "\r" else "")
    (tmp_path / "a.txt").write_bytes(text.encode())
    rows = list(read_rows(str(tmp_path / "a.txt")))
    assert [row.values["text"] for row in rows] == LINES
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]


def test_ends_of_two_kinds_are_counted_together(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\rtwo\nthree\r\nfour\rfive")
    rows = list(read_rows(str(tmp_path / "a.txt")))
    assert [(row.line, row.values["text"]) for row in rows] == [
        (1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "five"),
    ]  # fmt: skip
