"""`lusifer evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lusifer.evaluate.scores import Score

TASKS = "english,tatoeba,ntrex,xquad,xquad-r,sts17,stsb,sib200"


def evaluate(
    model: str = typer.Argument(..., help="A model's folder or hub id."),
    suite: str = typer.Option(..., "--suite", help="The folder of local evaluation files."),
    tasks: str = typer.Option(TASKS, "--tasks", help="Which, separated by commas."),
    languages: str = typer.Option(None, "--languages", help="E.g. hin_Deva,swh_Latn; 'tatoeba-36' for the usual 36 and English."),
    anchor: str = typer.Option(None, "--anchor", help="The model that made an existing index: also search that."),
    into: str = typer.Option(None, "--into", "-o", help="Write every score, with its interval, to this JSON file."),
    bf16: bool = typer.Option(False, "--bf16", help="Compute in bfloat16."),
) -> None:
    """Score a model on local files, language by language, with 95 % intervals."""
    from rich.console import Console

    from lusifer.evaluate.local import TATOEBA_36
    from lusifer.evaluate.local import evaluate as run
    from lusifer.evaluate.report import summary, table
    from lusifer.files import write_json
    from lusifer.models.load import load

    chosen = [*TATOEBA_36, "eng_Latn"] if languages == "tatoeba-36" else languages.split(",") if languages else None
    note = Console(stderr=True)

    def keep(task: str, so_far: list[Score]) -> None:
        """Write what is known after each task, so that an interrupt loses one task at most."""
        note.print(f"{task} done", highlight=False)
        if into:
            write_json(into, {"model": model, "anchor": anchor, "scores": [s.row() for s in so_far]})

    scores = run(
        load(model, bf16=bf16),
        suite,
        tasks.split(","),
        chosen,
        load(anchor, bf16=bf16) if anchor else None,
        done=keep,
    )
    Console().print(table(scores))
    Console().print(summary(scores))
