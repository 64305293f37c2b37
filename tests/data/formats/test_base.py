"""Rows and sections of any format: what a cell may be, and which line a character stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lusifer.data.formats.base import Format, Problem, Row, Section, as_row, strings
from lusifer.errors import DataError

RECORD: dict[str, Any] = {
    "title": "Öğle yemeği",
    "text": "昼ご飯",
    "scores": [0.5, -1, 2.0],
    "id": 7,
    "flags": [True],
    "none": None,
    "empty": [],
}


@given(st.lists(st.sampled_from(["a", "क", "\n", "\r", "\r\n"]), max_size=40), st.integers(1, 9))
def test_a_character_s_line_is_the_one_that_counting_finds(parts: list[str], first: int) -> None:
    text = "".join(parts)
    section = Section(text, first, "line")
    plain = text.replace("\r\n", "\0\n").replace("\r", "\n").replace("\0", "\r")
    for offset, character in enumerate(text):
        if character not in "\r\n":
            assert section.position_at(offset) == first + plain[:offset].count("\n")


def test_a_row_or_page_is_its_section_s_and_marks_go_before_lines() -> None:
    text = "मौसम\nअच्छा\nहै"
    assert {Section(text, 4, "page").position_at(i) for i in range(len(text))} == {4}
    marked = Section(text, 1, "line", ((0, 3), (5, 12)))
    assert [marked.position_at(i) for i in (0, 4, 5, len(text) - 1)] == [3, 3, 12, 12]


def test_cells_that_are_no_text_are_left_out_unless_they_are_asked_for() -> None:
    row = as_row("a.jsonl", 3, RECORD, None)
    assert row == Row(
        "a.jsonl", 3, {"title": "Öğle yemeği", "text": "昼ご飯", "scores": "0.5 -1 2.0"}
    )
    for column, kind in (("id", "int"), ("flags", "list"), ("none", "NoneType"), ("empty", "list")):
        said = f"{column!r} is {kind}, expected text"
        assert as_row("a.jsonl", 3, RECORD, [column]) == Problem("a.jsonl", 3, said)
    wrong = as_row("a.jsonl", 3, {"text": "x", "id": 1}, ["body"])
    assert wrong == Problem("a.jsonl", 3, "no key 'body'; the keys are text, id")


def test_columns_that_may_hold_numbers_hold_them_as_text() -> None:
    record: dict[str, Any] = {"text": "x", "a": 7, "b": None, "c": True, "d": 1.5, "e": "7"}
    row = as_row("a.jsonl", 1, record, [*"abcde", "_", "text"], "abcde")
    assert isinstance(row, Row)
    assert row.values == {"a": "7", "b": "", "c": "true", "d": "1.5", "e": "7", "text": "x"}


def test_strings_are_those_with_a_letter_in_order_at_any_depth() -> None:
    found = strings({"a": "Ωmega", "n": 3, "b": ["12", {"c": ["ไทย", "—"]}, "ok"], "d": None})
    assert list(found) == ["Ωmega", "ไทย", "ok"]


def test_a_format_that_gives_nothing_says_so(tmp_path: Path) -> None:
    class Bare(Format):
        endings = (".bare",)

    with pytest.raises(DataError, match=r"x\.bare: a \.bare file has no rows"):
        Bare().rows("x.bare", None, ())
    with pytest.raises(DataError, match=r"x\.bare: a \.bare file has no text to search"):
        Bare().sections(tmp_path / "x.bare")
    assert Bare().count("x.bare") is None
