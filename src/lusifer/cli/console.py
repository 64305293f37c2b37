"""What is shown at the end of a verb. Tables go to a terminal at its own width, to a pipe or a file at one
where no table breaks.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 220


def tables() -> Console:
    """A console on standard output."""
    from lusifer.io import plain_console

    return plain_console(width=None if sys.stdout.isatty() else WIDE)


def tell_skipped(reasons: list[str]) -> None:
    """Name the first rows that were left out, and count the others."""
    from lusifer.text import on_one_line

    for reason in reasons[:10]:
        typer.echo(f"skipped {on_one_line(reason)}", err=True)
    if len(reasons) > 10:
        typer.echo(f"skipped {len(reasons) - 10:,} more", err=True)


def show(report: Any, into: str) -> None:
    """Print a report."""
    typer.echo(
        f"wrote {into}: {report.written:,} of {report.read:,} rows; report: {into}.report.json"
    )
    for reason, count in report.dropped.most_common():
        typer.echo(f"  {count:>9,}  {reason}")
