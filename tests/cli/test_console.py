"""Tables: a terminal's own width, and a width where nothing breaks elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from lusifer.cli.console import WIDE, tables

CELLS = ["eng_Latn", "संस्कृतम्", "日本語の駅", "العربية", "0.1234"] * 3


def printed() -> list[str]:
    table = Table(*(f"column {i}" for i in range(len(CELLS))))
    table.add_row(*CELLS)
    tables().print(table)
    return CELLS


def test_in_a_pipe_a_wide_table_stays_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    printed()
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if "eng_Latn" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == CELLS
    assert max(map(len, out.splitlines())) <= WIDE


@pytest.mark.parametrize("width", [60, 100])
def test_on_a_terminal_it_has_the_terminal_s_width(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", str(width))
    assert tables().width == width
    printed()
    assert "eng_Latn" not in screen.getvalue(), "fifteen columns have no room for it"
