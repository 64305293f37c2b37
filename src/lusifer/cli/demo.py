"""`lusifer demo`: questions in one language, answered from short passages in many, by the model
that comes with lusifer.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lusifer.cli.options import MODEL
from lusifer.errors import LusiferError
from lusifer.io import disk_errors

if TYPE_CHECKING:
    from rich.table import Table

    from lusifer.search import Hit, Index, Mode

DEEP = 10  # how far down the right passage is looked for
NEAR = 3
LIBRARY, INDEX = "library", "index"


def demo(
    into: str = typer.Option(
        None, "--into", help="Keep the passages and their index in this folder, to ask it more."
    ),
    model: str = MODEL,
    mode: str = typer.Option("hybrid", "--mode", help="dense, text or hybrid."),
) -> None:
    """Ask ten English questions of a small library in fourteen languages, and show what is found."""
    from lusifer.io import plain_console
    from lusifer.search import Index

    out = plain_console()
    with _kept(into) as folder:
        index = Index.create(folder / INDEX, model)
        report = index.update([write_library(folder / LIBRARY)])
        files = report.added + report.changed + report.unchanged
        out.print(
            f"{len(index)} passages from {files} files, made into vectors of {index.model.embedder.dim} numbers by {model}."
        )
        out.print(answers(index, questions(), mode))  # type: ignore[arg-type]
    if into:
        out.print(f"Ask it more:  lusifer search {into}/{INDEX} 'how do I bake bread?'")


@contextlib.contextmanager
def _kept(into: str | None) -> Iterator[Path]:
    """The folder named, or one that goes afterwards."""
    from lusifer.search import is_index

    if into:
        folder = Path(into)
        if (folder / LIBRARY).exists() and not is_index(folder / INDEX):
            raise LusiferError(
                f"{folder / LIBRARY}: is there already, and not from this demo; name another folder with --into"
            )
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
        return
    with tempfile.TemporaryDirectory() as aside:
        yield Path(aside)


def write_library(folder: Path) -> Path:
    """The demo's passages, a file each: `LANGUAGE/NAME.txt`."""
    for language, name, text in asset_rows("corpus.tsv"):
        file = folder / language / f"{name}.txt"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder


def questions() -> list[tuple[str, str]]:
    """(question, name of the passage that answers it): the passage is in another language."""
    return [(question, name) for _, name, question in asset_rows("questions.tsv")]


def glosses() -> dict[str, str]:
    """What the passages in other languages say in English, by their names."""
    text = (resources.files("lusifer") / "assets" / "glosses.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines())


def asset_rows(file: str) -> list[tuple[str, str, str]]:
    """(language, name, text) of each line of a file that comes along."""
    text = (resources.files("lusifer") / "assets" / file).read_text(encoding="utf-8")
    return [
        (language, name, rest)
        for language, name, rest in (line.split("\t") for line in text.splitlines())
    ]


def rank(hits: Sequence[Hit], name: str) -> int | None:
    """The place of a passage among the hits, from 1; None where it is not there."""
    return next((i for i, hit in enumerate(hits, 1) if Path(hit.path).stem == name), None)


def answers(index: Index, asked: Sequence[tuple[str, str]], mode: Mode = "hybrid") -> Table:
    """Each question with its best passage, that passage's language and what it says, and the right
    one's rank; and how many are right in all.
    """
    from rich.table import Table
    from rich.text import Text

    from lusifer.cli.search import ISOLATE, POP
    from lusifer.text import english_name

    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name in ("question", "best passage", "right at"):
        table.add_column(name, overflow="fold", justify="right" if name == "right at" else "left")
    english, ranks = glosses(), []
    for question, name in asked:
        hits = index.search(question, top_k=DEEP, mode=mode)
        ranks.append(rank(hits, name))
        (start, end), text = hits[0].best, hits[0].text
        passage = Text.assemble(ISOLATE, text[:start], (text[start:end], "bold"), text[end:], POP)
        best = Path(hits[0].path)
        says = english.get(best.stem)
        passage.append(f"\n{english_name(best.parent.name)}{f': {says}' if says else ''}", "dim")
        table.add_row(
            question,
            passage,
            Text(str(ranks[-1] or f"> {DEEP}"), "green" if ranks[-1] == 1 else ""),
        )
    first, near = (sum(r is not None and r <= limit for r in ranks) for limit in (1, NEAR))
    table.caption = f"of {len(ranks)} questions, the right passage comes first for {first} and among the first {NEAR} for {near}"
    return table
