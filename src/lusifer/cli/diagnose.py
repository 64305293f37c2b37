"""`lusifer diagnose`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lusifer.cli.options import BF16, into as into_, languages as languages_, split

if TYPE_CHECKING:
    from rich.table import Table

SPACE = ("mexa", "likeness", "csls_gain", "hubness", "anisotropy", "outliers")
TOKENS = ("premium", "tokens_per_word", "tokens_per_character", "unknown")
ONE_TABLE = 140  # columns of a terminal that hold all figures side by side


def diagnose(
    model: str = typer.Argument(..., help="A folder, a hub id, an endpoint, or default."),
    suite: str = typer.Option(
        ...,
        "--suite",
        help="The folder of local evaluation files: its SIB-200 holds parallel sentences.",
    ),
    languages: str = languages_("E.g. hi,swh_Latn; all 204 without."),
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
    into: str = into_("The folder that keeps results, for `lusifer report`.", "results"),
    bf16: bool = BF16,
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
        split(languages) or None,
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
    for table in _tables(found["languages"], out.width):
        out.print(table)
    for name in ("drift", "paraphrases", "sticky"):
        if name in found:
            out.print(
                f"{name}: {json.dumps(found[name], ensure_ascii=False)[:2000]}", highlight=False
            )
    note.print(f"Definitions: docs/evaluate.md. Kept in {folder / DIAGNOSIS}.", highlight=False)


def _tables(rows: Sequence[dict[str, Any]], width: int) -> list[Table]:
    """The figures of each language, in one table where it is wide enough, else in three: of the
    space, of the tokens, and of what changes a vector.
    """
    changes = tuple(sorted({name for row in rows for name in row["changes"]}))
    parted: list[tuple[str, ...]] = [SPACE, TOKENS, changes]
    groups = parted if width < ONE_TABLE else [(*SPACE, *TOKENS, *changes)]
    return [_table(rows, names) for names in groups if names]


def _table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Table:
    from rich.table import Table as RichTable

    result = RichTable()
    result.add_column("language", no_wrap=True)
    for name in names:
        result.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        cells = [row["changes"].get(name, row.get(name)) for name in names]
        result.add_row(
            row["language"],
            *("" if c is None else str(c) if isinstance(c, int) else f"{c:.3f}" for c in cells),
        )
    return result
