"""What is printed is what was given: brackets, colons and every script."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from lusifer.io import plain_console

TEXTS = [
    "[red]a.txt[/red]",
    "notes/[1].md",
    ":smile: at 10:30:",
    "[/]",
    "日本語 [の] 駅",
    "سؤال [؟]",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_printed_as_it_is(text: str) -> None:
    kept = io.StringIO()
    plain_console(file=kept, width=80).print(text)
    assert kept.getvalue() == f"{text}\n"


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_within_a_table_is_too(text: str) -> None:
    kept = io.StringIO()
    table = Table(text)
    table.add_row(text)
    plain_console(file=kept, width=80).print(table)
    assert kept.getvalue().count(text) == 2


def test_settings_are_those_of_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    plain_console(stderr=True).print("aside")
    plain_console().print("result")
    assert tuple(capsys.readouterr()) == ("result\n", "aside\n")
    assert plain_console(width=33).width == 33
