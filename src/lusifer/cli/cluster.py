"""`lusifer cluster`."""

from __future__ import annotations

import typer

from lusifer.cli.options import (
    BF16,
    COLUMN,
    MODEL,
    PROMPT,
    TABLE_COLUMNS,
    into as into_,
    one_of,
    table_columns,
)

SHOWN = 20


def cluster(
    files: list[str] = typer.Argument(..., help="TSV, text, CSV, JSONL or Parquet files; globs."),
    into: str = into_("The folder of the result."),
    model: str = MODEL,
    method: str = typer.Option(
        "topics", "--method", help="topics, or same: texts that say the same."
    ),
    clusters: int = typer.Option(
        None, "--clusters", help="So many topics; without it as many as there are."
    ),
    resolution: float = typer.Option(1.0, "--resolution", help="Above 1: more, smaller topics."),
    threshold: float = typer.Option(
        0.9, "--threshold", help="Of same: from this cosine on two texts say the same."
    ),
    margin: float = typer.Option(
        1.25, "--margin", help="Of same: so many times as near as other neighbours says it too."
    ),
    min_size: int = typer.Option(2, "--min-size", help="Texts of a cluster, at least."),
    column: str = COLUMN,
    language: str = typer.Option(
        "", "--language-column", help="The column of a row's language; else told from the text."
    ),
    columns: str = TABLE_COLUMNS,
    prompt: str = PROMPT,
    seed: int = typer.Option(0, "--seed", help="Of what is drawn at random."),
    bf16: bool = BF16,
) -> None:
    """Cluster texts across languages, by topic or by what they say."""
    from rich.table import Table

    from lusifer.insight import ClusterSettings, cluster_files
    from lusifer.io import Bars, plain_console
    from lusifer.text import short_name

    settings = ClusterSettings(
        method=one_of("--method", method, "topics", "same"),  # type: ignore[arg-type]
        clusters=clusters,
        resolution=resolution,
        threshold=threshold,
        margin=margin,
        min_size=min_size,
        seed=seed,
    )
    text, order = table_columns(column, columns)
    with Bars(transient=True) as bars:
        tasks = {
            name: bars.add_task(name, total=None) for name in ("encoding", "finding neighbours")
        }
        report = cluster_files(
            files,
            into,
            model=model,
            clustering=settings,
            column=text,
            language=language,
            columns=order,
            prompt=prompt,
            bf16=bf16,
            tell=lambda what, done, total: bars.update(tasks[what], completed=done, total=total),
        )
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("texts", justify="right")
    table.add_column("languages", overflow="fold")
    table.add_column("words", overflow="fold")
    for one in report.clusters[:SHOWN]:
        spoken = [short_name(code) for code in one.languages]
        shown = ", ".join(spoken[:3]) + (f" +{len(spoken) - 3}" if len(spoken) > 3 else "")
        table.add_row(f"{one.size:,}", shown, ", ".join(one.words))
    plain_console().print(table)
    typer.echo(
        f"{into}: {len(report.clusters):,} clusters of {report.texts:,} texts, {report.alone:,} in none; look at {into}/clusters.html"
    )
    if report.skipped:
        typer.echo(
            f"skipped {report.skipped:,} rows; {into}/vectors/rejects.jsonl names them", err=True
        )
