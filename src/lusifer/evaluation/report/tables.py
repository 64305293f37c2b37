"""Comparisons as tables: on a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from lusifer.evaluation.compare import Cell, ComparisonRow

HEADS = ("task", "metric", "languages", "n")
SEEN = "†"  # not zero-shot


def score_table(
    rows: Sequence[ComparisonRow],
    models: Sequence[str],
    zero_shot: Mapping[str, Mapping[str, bool | None]] | None = None,
) -> Table:
    """A line a row, a column a model: value, half the width of its 95 % interval, and with several
    models its rank.

    `zero_shot` says of a model and a task whether it is; what is not is marked.
    """
    result = Table()
    for name in HEADS[:3]:
        result.add_column(name)
    for name in ("n", *models):
        result.add_column(name, justify="right")
    for row in rows:
        marks = [
            SEEN if (zero_shot or {}).get(model, {}).get(row.task) is False else ""
            for model in models
        ]
        cells = (
            figure(cell, ranked=len(models) > 1) + mark
            for cell, mark in zip(row.cells, marks, strict=True)
        )
        result.add_row(*heads(row), *cells)
    return result


def markdown(rows: Sequence[ComparisonRow], models: Sequence[str]) -> str:
    """The same for a document; the best, and what shares its rank, in bold."""
    lines = [
        "| " + " | ".join((*HEADS, *models)) + " |",
        "|---|---|---|--:|" + "--:|" * len(models),
    ]
    for row in rows:
        cells = (
            figure(c) if c.rank > 1 or len(models) == 1 else f"**{figure(c)}**" for c in row.cells
        )
        lines.append("| " + " | ".join((*heads(row), *cells)) + " |")
    return "\n".join(lines) + "\n"


def heads(row: ComparisonRow) -> tuple[str, str, str, str]:
    """A row's first columns: for a mean how many languages it is over."""
    which = row.which if len(row.languages) == 1 else f"{len(row.languages)} languages"
    return row.task, row.metric, which, f"{row.examples:,}"


def figure(cell: Cell, *, ranked: bool = False) -> str:
    """`.468 ±.002`, and `(2)` for the rank."""
    text = f"{cell.value:.3f} ±{(cell.high - cell.low) / 2:.3f}".replace("0.", ".")
    return f"{text} ({cell.rank})" if ranked else text
