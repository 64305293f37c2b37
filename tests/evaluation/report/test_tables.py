"""A comparison's tables say value, interval and rank, on a terminal and as Markdown."""

from __future__ import annotations

import pytest
from rich.console import Console

from lusifer.evaluation.compare import Cell, ComparisonRow
from lusifer.evaluation.report.tables import SEEN, figure, heads, markdown, score_table

MODELS = ["good", "twin", "poor"]


@pytest.fixture
def row() -> ComparisonRow:
    cells = (Cell(0.7, 0.65, 0.75, 1), Cell(0.69, 0.64, 0.74, 1), Cell(0.4, 0.3, 0.5, 3))
    return ComparisonRow("tatoeba", "to English", "all", ("deu_Latn", "cor_Latn"), 2000, cells)


def printed(*rows: ComparisonRow, models: list[str], **seen: bool | None) -> list[list[str]]:
    """The cells of each line of the table, as a terminal shows them."""
    console = Console(width=200)
    table = score_table(rows, models, {name: {"tatoeba": known} for name, known in seen.items()})
    with console.capture() as shown:
        console.print(table)
    lines = [line for line in shown.get().splitlines() if "│" in line]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        (Cell(0.468, 0.466, 0.47, 1), ".468 ±.002"),
        (Cell(1.0, 1.0, 1.0, 2), "1.000 ±.000"),
        (Cell(0.0, 0.0, 0.0, 1), ".000 ±.000"),
        (Cell(-0.25, -0.35, -0.15, 4), "-.250 ±.100"),
    ],
)
def test_a_figure_is_a_value_and_half_its_interval(cell: Cell, plain: str) -> None:
    assert figure(cell) == plain
    assert figure(cell, ranked=True) == f"{plain} ({cell.rank})"


def test_all_that_share_the_first_rank_are_bold(row: ComparisonRow) -> None:
    head, rule, line = markdown([row], MODELS).splitlines()
    assert head == "| task | metric | languages | n | good | twin | poor |"
    assert rule.count("|") == head.count("|") == line.count("|")
    assert line == (
        "| tatoeba | to English | 2 languages | 2,000 "
        "| **.700 ±.050** | **.690 ±.050** | .400 ±.100 |"
    )


def test_a_model_by_itself_has_no_rank_and_is_not_bold(row: ComparisonRow) -> None:
    one = ComparisonRow("t", "m", "tha_Thai", ("tha_Thai",), 5, row.cells[:1])
    assert "**" not in markdown([one], ["good"])
    assert printed(one, models=["good"])[0] == ["t", "m", "tha_Thai", "5", ".700 ±.050"]
    assert heads(one) == ("t", "m", "tha_Thai", "5")


def test_only_a_model_known_to_have_seen_the_task_is_marked(row: ComparisonRow) -> None:
    shown = printed(row, models=MODELS, good=False, twin=None, poor=True)[0]
    assert shown[-3:] == [f".700 ±.050 (1){SEEN}", ".690 ±.050 (1)", ".400 ±.100 (3)"]
    assert not any(SEEN in cell for cell in printed(row, models=MODELS)[0])


def test_a_row_without_a_cell_for_each_model_is_refused(row: ComparisonRow) -> None:
    with pytest.raises(ValueError, match="zip"):
        score_table([row], MODELS[:2])
