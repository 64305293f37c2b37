"""`lusifer embed`, `lusifer similar`, `lusifer neighbours`."""

from __future__ import annotations

import typer

from lusifer.errors import LusiferError

MODEL = typer.Option(
    "default",
    "--model",
    "-m",
    help="A model's folder or hub id; without it the one that comes with lusifer.",
)
COLUMN = typer.Option(
    None,
    "--column",
    help="The key that holds the text (text, where none is named); "
    "of a TSV, which has no header, its columns up to the text, e.g. _,_,text.",
)
PROMPT = typer.Option(None, "--prompt", help="One of the model's prompts, e.g. query.")


def embed(
    file: str = typer.Argument(
        ..., help="A text file, one text a line (or TSV, JSONL, Parquet with --column)."
    ),
    into: str = typer.Option(
        ..., "--into", "-o", help="The .npy file to write: float32, one unit row a text."
    ),
    model: str = MODEL,
    column: str | None = COLUMN,
    prompt: str = PROMPT,
) -> None:
    """Embed every text of a file."""
    from pathlib import Path

    from lusifer.io import write_array
    from lusifer.models import load

    if Path(into).suffix != ".npy":
        raise LusiferError(f"{into}: the output is a NumPy file; name it with .npy at the end")
    texts = read_texts(file, column)
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

    a, b = load(model).encode([first, second])
    typer.echo(f"{float(a @ b):.4f}")


def neighbours(
    query: str = typer.Argument(..., help="A text."),
    file: str = typer.Argument(
        ..., help="A text file, one text a line (or TSV, JSONL, Parquet with --column)."
    ),
    model: str = MODEL,
    column: str | None = COLUMN,
    top: int = typer.Option(5, "--top-k", "--top", "-k", help="How many to show."),
) -> None:
    """The nearest texts of a file."""
    import numpy as np

    from lusifer.models import load
    from lusifer.text import printable

    texts = read_texts(file, column)
    embedder = load(model)
    asked, read = (name if name in embedder.prompts else None for name in ("query", "document"))
    scores = embedder.encode(texts, prompt=read) @ embedder.encode([query], prompt=asked)[0]
    for i in np.argsort(-scores)[:top]:
        typer.echo(f"{scores[i]:.3f}  {printable(texts[i])}")


def read_texts(file: str, column: str | None) -> list[str]:
    """The texts of one file; see `--column`."""
    from lusifer.data import format_of, read_rows

    known = format_of(file)
    if not column and not known.column and not known.named:
        raise LusiferError(
            f"{file}: has no header; name its columns up to the text, e.g. --column _,text"
        )
    columns = None if known.column else (column or "text").split(",")
    name = "text" if columns is None else columns[-1]
    return [row.values[name] for row in read_rows(file, columns)]
