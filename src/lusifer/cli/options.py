"""Options that several verbs have, each with one spelling, one short form and one meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from lusifer.errors import LusiferError

MODEL: Any = typer.Option(
    "default",
    "--model",
    "-m",
    help="A model's folder or hub id; without it the one that comes with lusifer.",
)
PROMPT: Any = typer.Option(None, "--prompt", help="One of the model's prompts, e.g. query.")
COLUMN: Any = typer.Option("text", "--column", help="The column, or key, that holds the text.")
TABLE_COLUMNS: Any = typer.Option(
    "", "--columns", help="A TSV's columns in order, e.g. id,title,text ('_' skips one)."
)
RENAME: Any = typer.Option(
    None, "--rename", help="OLD=NEW, as often as needed, e.g. question=query."
)
TOP: Any = typer.Option(5, "--top-k", "--top", "-k", help="How many to show.")
BF16: Any = typer.Option(False, "--bf16", help="Compute in bfloat16.")


def into(help: str, default: str | None = ...) -> Any:  # type: ignore[assignment]
    """Where a verb writes; with no `default` it must be named."""
    return typer.Option(default, "--into", "--out", "-o", help=help)


def languages(help: str) -> Any:
    """Languages: a list with commas, under either name."""
    return typer.Option(None, "--languages", "--language", "-l", help=help)


def split(listed: str | None) -> list[str]:
    """A list with commas, blanks around a part and empty parts left out."""
    return [part.strip() for part in (listed or "").split(",") if part.strip()]


def in_order(columns: str | None) -> list[str]:
    """A table's columns. Raises LusiferError where one has no name: those behind it would be taken
    for their neighbours.
    """
    names = [name.strip() for name in columns.split(",")] if columns else []
    if "" in names:
        raise LusiferError(
            f"--columns {columns}: column {names.index('') + 1} has no name; '_' skips one"
        )
    return names


def table_columns(column: str, columns: str | None) -> tuple[str, list[str]]:
    """The column of the text, and a TSV's columns in order; `--column _,text` says both at once."""
    order = in_order(columns)
    if "," in column:
        order, column = (order or in_order(column)), in_order(column)[-1]
    return column, order


def one_of(option: str, value: str, *allowed: str) -> str:
    """The value. Raises LusiferError naming those allowed."""
    if value not in allowed:
        raise LusiferError(f"{option} is {value!r}; it must be one of {', '.join(allowed)}")
    return value


def renamed(rename: list[str] | None) -> dict[str, str]:
    """OLD=NEW options as a mapping."""
    return dict(assignments("--rename", rename, "question=query"))


def assignments(option: str, texts: list[str] | None, example: str) -> Iterator[tuple[str, str]]:
    """NAME=VALUE texts as pairs. Raises LusiferError at one that has no `=`."""
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise LusiferError(f"{option} {text}: write it with an =, e.g. {example}")
        yield name, value
