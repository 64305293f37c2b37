"""`lusifer curate pivot`."""

from __future__ import annotations

from typing import Any

import typer

from lusifer.cli.console import show
from lusifer.cli.options import RENAME, TABLE_COLUMNS, in_order, into as into_, one_of, renamed


def pivot(
    files: list[str] = typer.Argument(
        ..., help="TSV, JSONL or Parquet files (or globs) of translations: english, text, language."
    ),
    into: str = into_("The .jsonl file to write; its report goes beside it."),
    by: str = typer.Option(
        "english",
        "--by",
        help="The side that two rows share: english, or text (English paraphrases).",
    ),
    kind: str = typer.Option(
        "any", "--kind", help="paraphrases (one language), translations (two), or any."
    ),
    per_pivot: int = typer.Option(4, "--per-pivot", help="Pairs of one pivot at most."),
    min_chars: int = typer.Option(
        20, "--min-chars", help="Pivots shorter than this mean too much."
    ),
    most: int = typer.Option(1000, "--most", help="Texts of one pivot that are looked at."),
    seed: int = typer.Option(0, "--seed", help="What random draws start from."),
    columns: str = TABLE_COLUMNS,
    rename: list[str] = RENAME,
) -> None:
    """Pair texts that share a translation: paraphrases in one language, translations between two."""
    from lusifer.curation import Pivot, pivot_pairs

    chosen: Any = {
        "by": one_of("--by", by, "english", "text"),
        "kind": one_of("--kind", kind, "paraphrases", "translations", "any"),
    }
    settings = Pivot(per_pivot=per_pivot, min_chars=min_chars, most=most, seed=seed, **chosen)
    report = pivot_pairs(
        files, into, settings, columns=in_order(columns) or None, rename=renamed(rename)
    )
    show(report, into)
