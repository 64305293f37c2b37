"""`lusifer encode`."""

from __future__ import annotations

import typer

from lusifer.cli.options import (
    BF16,
    COLUMN,
    MODEL,
    PROMPT,
    TABLE_COLUMNS,
    into as into_,
    split,
    table_columns,
)
from lusifer.errors import LusiferError


def encode(
    files: list[str] = typer.Argument(
        None,
        help="TSV, text, JSONL or Parquet files, compressed or not; globs; URLs such as s3://….",
    ),
    into: str = into_("The folder or URL that gets the shards.", None),
    model: str = MODEL,
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
    keep: str = typer.Option("", "--keep", help="Columns kept beside each vector, e.g. id,title."),
    prompt: str = PROMPT,
    format: str = typer.Option("parquet", "--format", help="parquet or safetensors."),
    shard_rows: int = typer.Option(
        16_384, "--shard-rows", help="Rows of a shard: what a kill costs at most."
    ),
    skip_bad: bool = typer.Option(
        False,
        "--skip-bad",
        help="Put rows that cannot be read in rejects.jsonl, instead of stopping.",
    ),
    bf16: bool = BF16,
    engine: str = typer.Option("local", "--engine", help="local, or ray for several workers."),
    workers: int = typer.Option(2, "--workers", help="Of ray: how many."),
    check: str = typer.Option(
        None,
        "--check",
        help="Encode nothing; compare the shards of this folder with its manifest.",
    ),
) -> None:
    """Embed a corpus of any size into shards; stopped or killed, it goes on where it was."""
    import time

    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from lusifer.encoding import Corpus, check_vectors, encode as run
    from lusifer.io import Bars, expand

    if check:
        typer.echo(f"{check}: {check_vectors(check)} shards, as the manifest says")
        return
    if not files or not into:
        raise LusiferError(
            "name the files to encode and, with --into, the folder for their vectors"
        )

    text_column, order = table_columns(column, columns)

    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows, {task.fields[what]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # To count the rows is a pass over the files, which a bar is worth and a line a minute is not.
    total = Corpus(tuple(expand(files))).count() if bars.console.is_terminal else None
    started, seen = time.monotonic(), 0
    with bars:
        task = bars.add_task("encoding", total=total, what="", unit="rows")

        def tell(rows: int, tokens: int) -> None:
            nonlocal seen
            seen += tokens
            rate = seen / max(time.monotonic() - started, 1e-9)
            bars.update(task, advance=rows, what=f"{seen:,} tokens, {rate:,.0f} a second")

        found = run(
            files,
            into,
            model=model,
            prompt=prompt,
            column=text_column,
            keep=split(keep),
            columns=order,
            format=format,  # type: ignore[arg-type]
            shard_rows=shard_rows,
            skip_bad=skip_bad,
            bf16=bf16,
            engine=engine,  # type: ignore[arg-type]
            workers=workers,
            tell=tell,
        )
    rejected = (
        f"; {found.rejected:,} rows were set aside in rejects.jsonl" if found.rejected else ""
    )
    typer.echo(
        f"wrote {found.folder}: {found.rows:,} vectors of {found.dim} numbers in {len(found.shards)} shards{rejected}"
    )
