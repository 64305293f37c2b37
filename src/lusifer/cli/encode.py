"""`lusifer encode`."""

from __future__ import annotations

import typer

from lusifer.cli.embed import MODEL, PROMPT

MINUTE = 60.0  # seconds between two lines where there is no terminal to draw a bar on


def encode(
    files: list[str] = typer.Argument(
        ...,
        help="TSV, text, JSONL or Parquet files, compressed or not; globs; URLs such as s3://….",
    ),
    into: str = typer.Option(
        ..., "--into", "--out", "-o", help="The folder or URL that gets the shards."
    ),
    model: str = MODEL,
    column: str = typer.Option("text", "--column", help="The column that holds the text."),
    columns: str = typer.Option(
        "", "--columns", help="A TSV's columns in order, e.g. id,title,text ('_' skips one)."
    ),
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
    bf16: bool = typer.Option(False, "--bf16", help="Compute in bfloat16."),
    engine: str = typer.Option("local", "--engine", help="local, or ray for several workers."),
    workers: int = typer.Option(2, "--workers", help="Of ray: how many."),
) -> None:
    """Embed a corpus of any size into shards; stopped or killed, it goes on where it was."""
    import time

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from lusifer.encoding.bulk import encode as run
    from lusifer.encoding.rows import Corpus
    from lusifer.io.paths import expand

    def names(given: str) -> list[str]:
        return [name for name in given.split(",") if name]

    console = Console(stderr=True)
    total = Corpus(tuple(expand(files))).count() if console.is_terminal else None
    started, seen, rows_done = time.monotonic(), 0, 0
    said = started
    figures = TextColumn(
        "{task.completed:,.0f} rows, {task.fields[tokens]:,} tokens, {task.fields[rate]:,.0f} a second"
    )
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        figures,
        *times,
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("encoding", total=total, tokens=0, rate=0.0)

        def tell(rows: int, tokens: int) -> None:
            nonlocal seen, rows_done, said
            seen, rows_done, now = seen + tokens, rows_done + rows, time.monotonic()
            rate = seen / max(now - started, 1e-9)
            bar.update(task, advance=rows, tokens=seen, rate=rate)
            if not console.is_terminal and now - said >= MINUTE:
                said = now
                typer.echo(
                    f"encoding: {rows_done:,} rows, {seen:,} tokens, {rate:,.0f} a second", err=True
                )

        found = run(
            files,
            into,
            model=model,
            prompt=prompt,
            text=column,
            keep=names(keep),
            columns=names(columns),
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
