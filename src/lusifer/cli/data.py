"""`lusifer data validate`."""

from __future__ import annotations

from functools import partial

import typer

from lusifer.cli.options import TABLE_COLUMNS, in_order
from lusifer.cli.verb import verb

app = typer.Typer(help="Look at training data.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Look at training data."""


@app.command("validate")
@partial(verb, computes=False)
def validate(
    files: list[str] = typer.Argument(
        ..., help="TSV, TXT, JSONL or Parquet files, plain or .xz, .gz, .zst."
    ),
    columns: str = TABLE_COLUMNS,
    show: int = typer.Option(50, "--show", help="How many bad lines to print."),
) -> None:
    """Name every bad line. Exit code 2 where there is one."""
    from lusifer.data import validate as run

    bad = 0
    for file in files:
        report = run(file, in_order(columns) or None)
        for problem in report.problems[:show]:
            where = f"{problem.path}:{problem.line}" if problem.line else problem.path
            typer.echo(f"{where}: {problem.what}", err=True)
        if more := report.bad - min(show, len(report.problems)):
            typer.echo(f"{file}: … and {more:,} more", err=True)
        typer.echo(f"{file}: {report.rows:,} good rows, {report.bad:,} bad")
        bad += report.bad
    if bad:
        raise typer.Exit(2)
