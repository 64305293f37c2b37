"""`lusifer diagnose`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

FIGURES = (
    "mexa",
    "likeness",
    "csls_gain",
    "hubness",
    "anisotropy",
    "outliers",
    "premium",
    "tokens_per_word",
    "tokens_per_character",
    "unknown",
)


def diagnose(
    model: str = typer.Argument(..., help="A folder, a hub id, an endpoint, or default."),
    suite: str = typer.Option(
        ...,
        "--suite",
        help="The folder of local evaluation files: its SIB-200 holds parallel sentences.",
    ),
    languages: str = typer.Option(None, "--languages", help="E.g. hi,swh_Latn; all 204 without."),
    sentences: int = typer.Option(200, "--sentences", help="So many of each language."),
    anchor: str = typer.Option(
        None, "--anchor", help="A reference model: how far has English moved from it?"
    ),
    paraphrases: str = typer.Option(
        None, "--paraphrases", help="A TSV file of two columns: texts that mean the same."
    ),
    sticky: bool = typer.Option(
        False, "--sticky", help="Look for sticky tokens in the whole vocabulary: minutes."
    ),
    into: str = typer.Option(
        "results", "--into", "-o", help="The folder that keeps results, for `lusifer report`."
    ),
    bf16: bool = typer.Option(False, "--bf16", help="Compute in bfloat16."),
) -> None:
    """Say why a model does well in one language and not in another: tokens, alignment, hubs, drift,
    robustness.
    """
    from functools import partial

    from lusifer.cli.console import tables
    from lusifer.evaluation import DIAGNOSIS, claim, diagnose as diagnosis_of
    from lusifer.io import plain_console, track, write_json
    from lusifer.models import LoadedModel

    named = LoadedModel.load(model, bf16=bf16)
    note = plain_console(stderr=True)
    found = {"model": model} | diagnosis_of(
        named.embedder,
        suite,
        languages.split(",") if languages else None,
        sentences=sentences,
        anchor=LoadedModel.load(anchor, bf16=bf16).embedder if anchor else None,
        paraphrases=paraphrases,
        sticky=sticky,
        track=partial(track, description="languages"),
    )
    if anchor:
        found["drift"] |= {"anchor": anchor}
    folder = claim(Path(into), named, {"bf16": bf16})
    write_json(folder / DIAGNOSIS, found)
    out = tables()
    out.print(_table(found["languages"]))
    for name in ("drift", "paraphrases", "sticky"):
        if name in found:
            out.print(
                f"{name}: {json.dumps(found[name], ensure_ascii=False)[:2000]}", highlight=False
            )
    note.print(f"Definitions: docs/evaluate.md. Kept in {folder / DIAGNOSIS}.", highlight=False)


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    from rich.table import Table as RichTable

    result = RichTable()
    result.add_column("language")
    changes = sorted({name for row in rows for name in row["changes"]})
    for name in (*FIGURES, *changes):
        result.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        cells = [row[name] for name in FIGURES] + [row["changes"].get(name) for name in changes]
        result.add_row(
            row["language"],
            *("" if c is None else str(c) if isinstance(c, int) else f"{c:.3f}" for c in cells),
        )
    return result
