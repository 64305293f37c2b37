"""`lusifer mine`."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import typer

from lusifer.cli.demo import asset_rows
from lusifer.cli.embed import read_texts
from lusifer.cli.options import COLUMN, MODEL, TABLE_COLUMNS, into as into_
from lusifer.errors import LusiferError

FEW = 50  # lines of a file that tell what chance is like


def mine(
    first: str = typer.Argument(
        ...,
        help="A text file in one language, one sentence a line (or TSV, JSONL, Parquet with --column).",
    ),
    second: str = typer.Argument(..., help="Another, in another language."),
    into: str = into_("The .tsv file to write: margin, sentence, translation; best first."),
    threshold: float | None = typer.Option(
        None,
        "--threshold",
        help="Leave out pairs with a margin below this; 0 keeps all. Without it pairs are kept "
        "that lead clearly over the next candidates, as the two files tell.",
    ),
    neighbours: int = typer.Option(
        4, "--neighbours", help="Neighbours that the margin is taken over."
    ),
    model: str = MODEL,
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
) -> None:
    """Find sentences of two files that are translations of each other. Goes on where it was
    stopped.
    """
    from lusifer.encoding import Encoder
    from lusifer.io import Bars, fingerprint, refuse_input, write_text
    from lusifer.models import LoadedModel
    from lusifer.search import LEAD, mine_bitext

    if Path(into).suffix != ".tsv":
        raise LusiferError(f"{into}: the output is a table; name it with .tsv at the end")
    refuse_input(into, [first, second])
    if neighbours < 1:
        raise LusiferError(f"--neighbours is {neighbours}; it must be 1 or more")
    texts = [
        [
            text
            for text in dict.fromkeys(
                " ".join(t.split()) for t in read_texts(file, column, columns)
            )
            if text
        ]
        for file in (first, second)
    ]
    for file, own in zip((first, second), texts, strict=True):
        if not own:
            raise LusiferError(f"{file}: holds no sentence")
    # Of a few lines nobody can say what chance is like: passages of our own stand beside them then.
    beside = [text for *_, text in asset_rows("corpus.tsv")] if min(map(len, texts)) < FEW else []
    named = LoadedModel.load(model)
    aside = Path(into).with_name(f".{Path(into).name}.vectors")
    with Bars(transient=True) as progress:
        vectors = []
        for file, own in zip((first, second), texts, strict=True):
            task = progress.add_task(f"embedding {file}", total=len(own))
            encoder = Encoder(
                named.embedder, aside / fingerprint(named.hash, []), partial(progress.advance, task)
            )
            vectors.append(encoder.rows([*own, *beside]))
        task = progress.add_task("comparing", total=len(texts[0]))
        found = mine_bitext(
            vectors[0],
            vectors[1],
            k=neighbours,
            tell=lambda done, _: progress.update(task, completed=done),
        )
    accepted = [
        pair
        for pair in found
        if (pair.lead >= LEAD if threshold is None else pair.score >= threshold)
        and pair.first < len(texts[0])
        and pair.second < len(texts[1])
    ]
    write_text(
        into,
        "".join(f"{p.score:.4f}\t{texts[0][p.first]}\t{texts[1][p.second]}\n" for p in accepted),
    )
    shutil.rmtree(aside, ignore_errors=True)
    rule = f"a lead of {LEAD:g}" if threshold is None else f"a margin of {threshold:g}"
    typer.echo(
        f"wrote {into}: {len(accepted):,} pairs of {len(texts[0]):,} and {len(texts[1]):,} sentences, with {rule} or more"
    )
