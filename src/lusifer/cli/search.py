"""`lusifer index`, `lusifer search`."""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from lusifer.errors import LusiferError

MODEL = typer.Option(
    None,
    "--model",
    "-m",
    help="A model's folder or hub id; without it the index's own, or the one that comes with lusifer.",
)
C1 = re.compile("[\x7f-\x9f]")
ISOLATE, POP = (
    "\u2068",
    "\u2069",
)  # a text of either direction between these does not turn its neighbours


def index(
    paths: list[str] = typer.Argument(
        None, help="Files and folders; with none, those given before."
    ),
    into: str = typer.Option(..., "--into", "-o", help="The index's folder."),
    model: str = MODEL,
) -> None:
    """Index files, or bring an index up to date with them."""
    from lusifer.models import DEFAULT
    from lusifer.search import Index, is_index

    if not paths and not is_index(into):
        raise LusiferError(f"{into}: no index here yet; name the files or folders to index")
    if is_index(into):
        report = _update(Index.open(into, model), paths or [])
    else:
        there = Path(into).is_dir()
        made = Index.create(into, model or DEFAULT)
        try:
            report = _update(made, paths)
            if not report.passages:
                raise LusiferError(f"{', '.join(paths)}: no readable text; nothing was indexed")
        except LusiferError:  # an index of nothing is not left behind
            if not len(made):  # what was embedded before a disk was full stays, to go on with
                for part in Path(into).iterdir() if there else [Path(into)]:
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
            raise
    typer.echo(
        f"{into}: {report.passages:,} passages; files: {report.added} new, {report.changed} changed, "
        f"{report.removed} gone, {report.unchanged} as they were"
    )


def search(
    places: list[str] = typer.Argument(
        ...,
        help="An index's folder, or files and folders; then the question, - for standard input.",
    ),
    top: int = typer.Option(5, "--top-k", "--top", "-k", help="How many passages to show."),
    mode: str = typer.Option("hybrid", "--mode", help="dense, text or hybrid."),
    language: list[str] = typer.Option(
        None, "--language", "-l", help="Only passages in this language (de, deu or deu_Latn)."
    ),
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
    model: str = MODEL,
) -> None:
    """Search an index, or straight a few files, in any language."""
    from lusifer.models import DEFAULT
    from lusifer.search import Filter, Index, is_index

    if len(places) < 2:
        raise LusiferError(
            "name an index, or files, and then the question: lusifer search DIR QUERY"
        )
    *where, question = places
    if as_json and lines:
        raise LusiferError("--json and --lines are two ways to print; take one")
    if question == "-":
        question = asked_on_standard_input()
    only = Filter(tuple(language or ()), path, since.date() if since else None)
    if len(where) == 1 and is_index(where[0]):
        hits = Index.open(where[0], model).search(question, top_k=top, mode=mode, where=only)  # type: ignore[arg-type]
    else:
        with tempfile.TemporaryDirectory() as aside:
            made = Index.create(Path(aside) / "index", model or DEFAULT)
            if not _update(made, where).passages:
                raise LusiferError(f"{', '.join(where)}: no readable text")
            hits = made.search(question, top_k=top, mode=mode, where=only)  # type: ignore[arg-type]
    (show_json if as_json else show_lines if lines else show)(hits)
    if not hits:  # as grep's
        raise typer.Exit(1)


def _update(opened: Any, paths: list[str]) -> Any:
    from lusifer.io import Bars
    from lusifer.text import printable

    with Bars(transient=True) as progress:
        task = progress.add_task("indexing", total=None)
        report = opened.update(
            paths, lambda path, done, total: progress.update(task, completed=done, total=total)
        )
    for reason in report.skipped[:10]:
        typer.echo(f"skipped {printable(reason)}", err=True)
    if len(report.skipped) > 10:
        typer.echo(f"skipped {len(report.skipped) - 10} more", err=True)
    return report


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
        typer.echo(f"{printable(_short(hit.path))}:{hit.position}:{sentence}")


def show_json(hits: list[Any]) -> None:
    """One object a line."""
    import dataclasses
    import json

    for hit in hits:
        line = json.dumps(dataclasses.asdict(hit), ensure_ascii=False)
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
        where = f"{printable(_short(hit.path))}:{hit.position}"
        table.add_row(str(rank), f"{hit.cosine:.3f}", hit.language or "?", where, passage)
    plain_console().print(table)


def _short(path: str) -> str:
    """A path seen from here, where that is shorter."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
