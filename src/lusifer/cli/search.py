"""`lusifer search`."""

from __future__ import annotations

import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from lusifer.cli.index import INDEX_MODEL, seen_from_here, update_shown
from lusifer.cli.options import TOP, languages as languages_, split
from lusifer.errors import LusiferError

C1 = re.compile("[\x7f-\x9f]")
ISOLATE, POP = (
    "\u2068",
    "\u2069",
)  # a text of either direction between these does not turn its neighbours


def search(
    places: list[str] = typer.Argument(
        ...,
        help="Indexes, or files and folders; then the question, - for standard input.",
    ),
    top: int = TOP,
    mode: str = typer.Option(
        "hybrid", "--mode", help="dense, text, hybrid, or tokens (a multi-vector index)."
    ),
    language: list[str] = languages_("Only passages in these languages, e.g. de,jpn or deu_Latn."),
    path: str = typer.Option(
        None, "--path", help="Only files whose path holds this, or matches this glob."
    ),
    since: datetime = typer.Option(
        None, "--since", formats=["%Y-%m-%d"], help="Only files changed on this day or later."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line, for programs."),
    lines: bool = typer.Option(
        False, "--lines", help="path:line:sentence, as grep's, for editors and pipes."
    ),
    prompt: str = typer.Option(
        "query", "--prompt", help="How the question is asked: one of the model's prompts."
    ),
    rerank: str = typer.Option(
        None, "--rerank", help="A cross-encoder that sorts the best 50 of what was found."
    ),
    model: str = INDEX_MODEL,
) -> None:
    """Search an index, or straight a few files, in any language."""
    from lusifer.models import DEFAULT, load_reranker
    from lusifer.search import Filter, Index, is_index, search_all

    if len(places) < 2:
        raise LusiferError(
            "name an index, or files, and then the question: lusifer search DIR QUERY"
        )
    *where, question = places
    if as_json and lines:
        raise LusiferError("--json and --lines are two ways to print; take one")
    if question == "-":
        question = asked_on_standard_input()
    only = Filter(tuple(split(",".join(language or ()))), path, since.date() if since else None)
    how: dict[str, Any] = {"top_k": top, "mode": mode, "where": only, "prompt": prompt}
    if rerank:
        how["reranker"] = load_reranker(rerank)
    if all(map(is_index, where)):
        hits = search_all([Index.open(one, model) for one in where], question, **how)
    else:
        with tempfile.TemporaryDirectory() as aside:
            made = Index.create(Path(aside) / "index", model or DEFAULT)
            if not update_shown(made, where).passages:
                raise LusiferError(f"{', '.join(where)}: no readable text")
            hits = made.search(question, **how)
    (show_json if as_json else show_lines if lines else show)(hits)
    if not hits:  # as grep's
        raise typer.Exit(1)


def asked_on_standard_input() -> str:
    """The question that is piped in, without the blanks around it."""
    import sys

    try:
        question = sys.stdin.buffer.read().decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise LusiferError(f"standard input: is not UTF-8 text ({error})") from None
    if not question:
        raise LusiferError("standard input: holds no question")
    return question


def show_lines(hits: list[Any]) -> None:
    """The place and the nearest sentence of each passage, best first; a sentence on one line."""
    from lusifer.text import printable

    for hit in hits:
        start, end = hit.best
        sentence = " ".join(printable(hit.text)[start:end].split())
        typer.echo(f"{seen_from_here(hit.path)}:{hit.position}:{sentence}")


def show_json(hits: list[Any]) -> None:
    """One object a line."""
    import codecs
    import dataclasses
    import json
    import sys

    # Where the output cannot hold every letter, JSON's own escapes lose none.
    unicode = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name == "utf-8"

    for hit in hits:
        line = json.dumps(dataclasses.asdict(hit), ensure_ascii=not unicode)
        # JSON's own escapes leave these as they are, and some terminals obey them.
        typer.echo(C1.sub(lambda found: f"\\u{ord(found[0]):04x}", line))


def show(hits: list[Any]) -> None:
    """A table: cosine, language, place, passage with its nearest sentence in bold."""
    from rich.table import Table
    from rich.text import Text

    from lusifer.io import plain_console
    from lusifer.text import printable

    if not hits:
        typer.echo("nothing found", err=True)
        return
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", no_wrap=True)  # the rank: no one number sorts both ways
    table.add_column("cosine", justify="right", no_wrap=True)
    table.add_column("lang", no_wrap=True)
    table.add_column("where", overflow="fold", max_width=32)
    table.add_column("passage", overflow="fold")
    for rank, hit in enumerate(hits, 1):
        start, end = hit.best
        shown = printable(hit.text)  # as long as the text itself
        passage = Text.assemble(
            ISOLATE, shown[:start], (shown[start:end], "bold"), shown[end:], POP
        )
        where = f"{seen_from_here(hit.path)}:{hit.position}"
        table.add_row(str(rank), f"{hit.cosine:.3f}", hit.language or "?", where, passage)
    plain_console().print(table)
