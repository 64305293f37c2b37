"""`lusifer evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from lusifer.evaluate.run import Outcome


def evaluate(
    models: list[str] = typer.Argument(..., metavar="MODEL...", help="Folders, hub ids, endpoints, or default."),
    suite: str = typer.Option(..., "--suite", help="The folder of local evaluation files."),
    tasks: str = typer.Option(None, "--tasks", help="Names or kinds, e.g. xquad,bitext; all without."),
    languages: str = typer.Option(None, "--languages", help="E.g. hi,swh_Latn; 'tatoeba-36' for the usual 36 and English."),
    anchor: str = typer.Option(None, "--anchor", help="The model that made an existing index: also search that."),
    into: str = typer.Option("results", "--into", "-o", help="The folder that keeps results; what is there is not computed again."),
    by_language: bool = typer.Option(False, "--by-language", help="A line for each language."),
    bf16: bool = typer.Option(False, "--bf16", help="Compute in bfloat16."),
) -> None:
    """Score models language by language with 95 % intervals, and say which differences are real."""
    from rich.console import Console

    from lusifer.evaluate.compare import compare, missing
    from lusifer.evaluate.report import table
    from lusifer.evaluate.run import run
    from lusifer.evaluate.sets import chosen
    from lusifer.models.load import Named

    wanted = tasks.split(",") if tasks else None
    if len(set(models)) < len(models):
        raise LusiferError("a model is named twice; a comparison wants different ones")
    total = len(chosen(wanted))
    made_by = Named.load(anchor, bf16=bf16) if anchor else None
    note, found = Console(stderr=True), {}
    for name in models:
        model = Named.load(name, bf16=bf16)
        with _progress(note) as bar:
            line = _Line(bar, bar.add_task(name, total=total, what=""))
            found[name] = run(
                model,
                suite,
                into,
                wanted,
                languages.split(",") if languages else None,
                made_by,
                settings={"bf16": bf16},
                tell=line.task,
                encoded=line.texts,
            )
    out = Console()
    out.print(table(compare(found, by_language=by_language), models))
    for lack in missing(found):
        note.print(lack, highlight=False)
    note.print(f"Every language and example is in {into}." if by_language else f"Every language: --by-language. All is kept in {into}.")


class _Line:
    """A model's line on the terminal."""

    def __init__(self, bar: Progress, line: TaskID) -> None:
        self.bar, self.line, self.embedded = bar, line, 0

    def task(self, outcome: Outcome) -> None:
        self.bar.advance(self.line)
        self._say(f"{outcome.task} {'was there' if outcome.kept else 'done'}")

    def texts(self, count: int) -> None:
        self.embedded += count
        self._say("")

    def _say(self, what: str) -> None:
        self.bar.update(self.line, what=f"{self.embedded:,} texts embedded{', ' if what else ''}{what}")


def _progress(console: object) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[what]}"))
    return Progress(*columns, console=console)  # type: ignore[arg-type]
