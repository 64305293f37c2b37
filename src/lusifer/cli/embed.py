"""`lusifer embed`, `lusifer similar`, `lusifer neighbours`."""

from __future__ import annotations

from pathlib import Path

import typer

from lusifer.cli.options import (
    COLUMN,
    MODEL,
    PROMPT,
    TABLE_COLUMNS,
    TOP,
    into as into_,
    table_columns,
)
from lusifer.errors import LusiferError


def embed(
    file: str = typer.Argument(
        ..., help="A text file, one text a line (or TSV, JSONL, Parquet with --column)."
    ),
    into: str = into_("The .npy file to write: float32, one unit row a text."),
    model: str = MODEL,
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
    prompt: str = PROMPT,
) -> None:
    """Embed every text of a file."""
    from lusifer.io import write_array
    from lusifer.models import load

    if Path(into).suffix != ".npy":
        raise LusiferError(f"{into}: the output is a NumPy file; name it with .npy at the end")
    texts = read_texts(file, column, columns)
    if not any(text.strip() for text in texts):
        raise LusiferError(f"{file}: no text in it")
    if blank := sum(not text.strip() for text in texts):
        typer.echo(
            f"{file}: {blank:,} of {len(texts):,} texts are blank; their vectors mean nothing",
            err=True,
        )
    vectors = load(model).encode(texts, prompt=prompt)
    write_array(into, vectors)
    typer.echo(f"wrote {into}: {vectors.shape[0]} x {vectors.shape[1]}")


def similar(
    first: str = typer.Argument(..., help="A text."),
    second: str = typer.Argument(..., help="Another."),
    model: str = MODEL,
) -> None:
    """Cosine of two texts, in whatever languages."""
    from lusifer.models import load

    for name, text in (("first", first), ("second", second)):
        if not text.strip():
            raise LusiferError(f"the {name} text is empty: there is nothing to compare")
    a, b = load(model).encode([first, second])
    typer.echo(f"{float(a @ b):.4f}")


def neighbours(
    query: str = typer.Argument(..., help="A text."),
    file: str = typer.Argument(
        ..., help="A text file, one text a line (or TSV, JSONL, Parquet with --column)."
    ),
    model: str = MODEL,
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
    top: int = TOP,
    prompt: str = typer.Option(
        "query", "--prompt", help="How the text is asked: one of the model's prompts."
    ),
) -> None:
    """The nearest texts of a file."""
    import numpy as np

    from lusifer.models import load
    from lusifer.text import printable

    if not query.strip():
        raise LusiferError("the query is empty; ask for something")
    texts = [text for text in read_texts(file, column, columns) if text.strip()]
    if not texts:
        raise LusiferError(f"{file}: no text in it")
    embedder = load(model)
    read = "document" if "document" in embedder.prompts else None
    asked = prompt if prompt != "query" or "query" in embedder.prompts else None
    scores = embedder.encode(texts, prompt=read) @ embedder.encode([query], prompt=asked)[0]
    for i in np.argsort(-scores)[:top]:
        typer.echo(f"{scores[i]:.3f}  {printable(texts[i])}")


def read_texts(file: str, column: str, columns: str) -> list[str]:
    """The texts of one file; see `--column` and `--columns`."""
    from lusifer.data import format_of, read_rows

    if "://" not in file and not Path(file).exists():
        raise LusiferError(f"{file}: no such file")
    name, order = table_columns(column, columns)
    known = format_of(file)
    if known.column:  # a file of texts, one a line
        return [row.values[known.column] for row in read_rows(file)]
    if not order and not known.named:
        raise LusiferError(f"{file}: has no header; name its columns, e.g. --columns id,text")
    if order and name not in order:
        raise LusiferError(f"{file}: --column is {name}, which is none of {', '.join(order)}")
    return [row.values[name] for row in read_rows(file, order or [name])]
