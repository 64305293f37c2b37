"""`lusifer index`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from lusifer.cli.console import tell_skipped
from lusifer.cli.options import into as into_
from lusifer.errors import DataError, LusiferError

INDEX_MODEL = typer.Option(
    None,
    "--model",
    "-m",
    help="A model's folder or hub id; without it the index's own, or the one that comes with lusifer.",
)


def index(
    paths: list[str] = typer.Argument(
        None, help="Files and folders; with none, those given before."
    ),
    into: str = into_("The index's folder."),
    model: str = INDEX_MODEL,
    multi_vector: bool = typer.Option(
        False,
        "--multi-vector",
        help="Of a new index: keep a vector a token too (a model with heads).",
    ),
    listing: bool = typer.Option(False, "--list", help="List the files that are in the index."),
    forget: list[str] = typer.Option(
        None, "--forget", help="Take this file, or folder, out of the index."
    ),
    compact: bool = typer.Option(
        False, "--compact", help="Give back the space that earlier versions of the index take."
    ),
    export: str = typer.Option(
        None, "--export", help="Write all passages and vectors into this Parquet file."
    ),
    queries: str = typer.Option(
        None,
        "--queries",
        help="A file of pairs (query, document): each query becomes a further vector of its passage.",
    ),
    watch: bool = typer.Option(
        False, "--watch", help="Go on, and bring in what changes, until Ctrl-C."
    ),
    every: float = typer.Option(5.0, "--every", help="Of --watch: seconds between two looks."),
) -> None:
    """Index files, or bring an index up to date with them."""
    from lusifer.models import DEFAULT
    from lusifer.search import Index, is_index

    alone = listing + bool(forget) + compact + bool(export) + bool(queries)
    if alone > 1 or (alone and (paths or watch)):
        raise LusiferError(
            "--list, --forget, --compact, --export and --queries are each done alone, without paths"
        )
    if not paths and not is_index(into):
        raise LusiferError(f"{into}: no index here yet; name the files or folders to index")
    if export:
        count = Index.open(into, model).export(export)
        typer.echo(f"{export}: {count:,} passages")
        return
    if queries:
        _add_queries(Index.open(into, model), queries)
        return
    if listing or forget or compact:
        _keep(Index.open(into, model), listing=listing, forget=forget)
        return
    if is_index(into) and multi_vector:
        raise LusiferError(f"{into}: is there already; --multi-vector is for a new index")
    if is_index(into):
        report = update_shown(Index.open(into, model), paths or [])
    else:
        there, missing = Path(into).is_dir(), _missing(Path(into))
        made = Index.create(into, model or DEFAULT, multi_vector=multi_vector)
        try:
            report = update_shown(made, paths)
            if not report.passages:
                raise LusiferError(f"{', '.join(paths)}: no readable text; nothing was indexed")
        except LusiferError:  # an index of nothing is not left behind
            if not len(made):  # what was embedded before a disk was full stays, to go on with
                for part in Path(into).iterdir() if there else [Path(into)]:
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
                for folder in missing:
                    folder.rmdir()
            raise
    typer.echo(
        f"{into}: {report.passages:,} passages; files: {report.added} new, {report.changed} changed, "
        f"{report.removed} gone, {report.unchanged} as they were"
    )
    if watch:
        _follow(Index.open(into, model), every)


def _follow(opened: Any, every: float) -> None:
    """Bring in what changes, until the process is told to end: that is no error."""
    import signal
    import threading

    from lusifer.text import on_one_line

    ended = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, frame: ended.set())
    typer.echo(f"{opened.uri}: watching; Ctrl-C ends it", err=True)
    told: set[str] = set()
    while not ended.wait(max(0.1, every)):
        report = opened.update([])
        for reason in report.skipped:
            if reason not in told:
                typer.echo(f"skipped {on_one_line(reason)}", err=True)
        told = {*report.skipped}
        if report.added or report.changed or report.removed:
            typer.echo(
                f"{opened.uri}: {report.passages:,} passages; {report.added} new, {report.changed} changed, {report.removed} gone"
            )


def _keep(opened: Any, *, listing: bool, forget: list[str] | None) -> None:
    """List an index's files, forget some, or compact it."""
    from lusifer.text import on_one_line

    if listing:
        for file in opened.list_files():
            day = datetime.fromtimestamp(file.modified / 1e9, UTC).date()
            typer.echo(f"{file.passages:>9,}  {day}  {seen_from_here(file.path)}")
        return
    if forget:
        gone = opened.forget(forget)
        typer.echo(f"{opened.uri}: {gone.files:,} files and {gone.passages:,} passages forgotten")
        for root in gone.followed:
            typer.echo(
                f"{on_one_line(root)} is still followed: an update reads again what is there "
                "then; forget that folder too, or move the files out of it",
                err=True,
            )
        return
    before = _bytes(opened.uri)
    opened.compact()
    typer.echo(f"{opened.uri}: {_bytes(opened.uri) / 1e6:,.1f} MB, {before / 1e6:,.1f} before")


def _add_queries(opened: Any, file: str) -> None:
    """Bring in a file of pairs; rows that cannot be read are named and left out."""
    from lusifer.data import Problem, scan_rows

    skipped: list[str] = []

    def rows() -> Iterator[dict[str, str]]:
        for row in scan_rows(file, ("query", "document")):
            if isinstance(row, Problem) and row.ends:
                raise DataError(row.path, row.line, row.what)
            if isinstance(row, Problem):
                skipped.append(str(DataError(row.path, row.line, row.what)))
            elif row.values["query"].strip() and row.values["document"].strip():
                yield row.values

    report = opened.add_queries(rows())
    tell_skipped(skipped)
    typer.echo(
        f"{opened.uri}: {report.added:,} queries added, {report.known:,} there already, "
        f"{report.without_passage:,} of no passage"
    )


def _missing(folder: Path) -> list[Path]:
    """The folders above one that are not there yet, the deepest first."""
    return [parent for parent in folder.absolute().parents if not parent.exists()]


def _bytes(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def update_shown(opened: Any, paths: list[str]) -> Any:
    from lusifer.io import Bars

    with Bars(transient=True) as progress:
        task = progress.add_task("indexing", total=None)
        report = opened.update(
            paths, lambda path, done, total: progress.update(task, completed=done, total=total)
        )
    tell_skipped(report.skipped)
    return report


def seen_from_here(path: str) -> str:
    """A path seen from here, where that is shorter, as it can be shown on one line."""
    from lusifer.text import on_one_line

    try:
        return on_one_line(str(Path(path).relative_to(Path.cwd())))
    except ValueError:
        return on_one_line(path)
