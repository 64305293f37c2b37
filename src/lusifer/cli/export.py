"""`lusifer export`."""

from __future__ import annotations

from typing import Any

import typer

from lusifer.cli.options import into as into_


def export(
    model: str = typer.Argument(..., help="A model's folder or hub id."),
    into: str = into_("The folder to write."),
    onnx: bool = typer.Option(True, "--onnx", help="As ONNX, the one format there is."),
    int8: bool = typer.Option(
        False,
        "--int8",
        help="Tables and matrix products in int8: a quarter of the size, faster on a CPU.",
    ),
    table_bits: int = typer.Option(
        8,
        "--table-bits",
        help="Of --int8: bits a number of the table, 8 or 4 (for models trained so).",
    ),
    split: bool = typer.Option(
        False,
        "--split",
        help="Keep large tensors in a second file beside the graph: two smaller files.",
    ),
    least: float = typer.Option(
        0.98, "--min-cosine", help="Write nothing where the mean cosine to the model is below this."
    ),
    texts: str = typer.Option(
        None,
        "--texts",
        help="A TSV of language and text to compare on, instead of the texts that come along.",
    ),
) -> None:
    """Write a model as an ONNX folder, which needs no torch, and show how near it is to the model,
    language by language.
    """
    from rich.table import Table

    from lusifer.cli.console import tables
    from lusifer.data import read_rows
    from lusifer.reshaping import export as run

    rows = (
        [
            (row.values["language"], row.values["text"])
            for row in read_rows(texts, ("language", "text"))
        ]
        if texts
        else None
    )
    bits: Any = table_bits  # `export` says which there are
    parity = run(model, into, int8=int8, table_bits=bits, split=split, min_cosine=least, texts=rows)
    table = Table(title=f"cosine to {model}")
    for name in ("language", "texts", "mean", "least"):
        table.add_column(name, justify="left" if name == "language" else "right")
    for language, (count, mean, low) in parity.languages.items():
        table.add_row(language, f"{count:,}", f"{mean:.4f}", f"{low:.4f}")
    table.add_row(
        "all",
        f"{sum(n for n, _, _ in parity.languages.values()):,}",
        f"{parity.mean:.4f}",
        f"{parity.min_cosine:.4f}",
    )
    tables().print(table)
    typer.echo(f"wrote {into}: {parity.bytes / 1e6:.1f} MB")
