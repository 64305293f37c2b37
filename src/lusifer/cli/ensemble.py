"""`lusifer ensemble`."""

from __future__ import annotations

import typer

from lusifer.cli.options import COLUMN, TABLE_COLUMNS, into as into_, one_of, split
from lusifer.errors import LusiferError


def ensemble(
    models: list[str] = typer.Argument(..., help="Two models or more."),
    into: str = into_("The folder of the new model, which names the others."),
    how: str = typer.Option("concatenate", "--how", help="concatenate, project or average."),
    weights: str = typer.Option(None, "--weights", help="One a model, e.g. 2,1; even without."),
    dimensions: int = typer.Option(None, "--dimensions", help="Of project: numbers of a vector."),
    texts: str = typer.Option(None, "--texts", help="Of project: a file of what will be read."),
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
) -> None:
    """Put several models behind one: each reads every text, and their vectors are combined."""
    from lusifer.cli.embed import read_texts
    from lusifer.models import load
    from lusifer.reshaping import ensemble as run

    one_of("--how", how, "concatenate", "project", "average")
    try:
        shares = [float(part) for part in split(weights)] or None
    except ValueError:
        raise LusiferError(f"--weights {weights}: write a number a model, e.g. 2,1") from None
    sample = list(read_texts(texts, column, columns)) if texts else None
    made = run(models, into, how=how, weights=shares, dimensions=dimensions, texts=sample)  # type: ignore[arg-type]
    typer.echo(f"{made}: {len(models)} models, vectors of {load(str(made)).dim} numbers")
