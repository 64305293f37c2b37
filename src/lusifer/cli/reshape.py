"""`lusifer reshape`: models changed without training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lusifer.cli.options import (
    COLUMN,
    TABLE_COLUMNS,
    into as into_,
    languages as languages_,
    one_of,
    split,
    table_columns,
)
from lusifer.cli.verb import verb
from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from lusifer.reshaping import LanguageChange

app = typer.Typer(help="Change a model without training it.", no_args_is_help=True)
SHOWN, MOST_LAYERS = 30, 10_000
LANGUAGE = typer.Option(
    "", "--language-column", help="The column of a row's language; else told from the text."
)
MEASURED = typer.Option(
    50, "--measured", help="Held-out texts of each language that both models embed."
)


@app.callback()
def root() -> None:
    """Change a model without training it."""


@app.command("trim")
@verb
def trim(
    model: str = typer.Argument(..., help="A folder or hub id."),
    files: list[str] = typer.Argument(
        ..., help="Texts as it will read them: TSV, text, CSV, JSONL or Parquet files; globs."
    ),
    into: str = into_("The folder to make."),
    pieces: int = typer.Option(
        None, "--pieces", help="Keep so many pieces at most; without it all that occur."
    ),
    at_least: int = typer.Option(1, "--at-least", help="Keep what is needed so often."),
    languages: str = languages_("Count texts in these alone, e.g. hi,swh_Latn."),
    column: str = COLUMN,
    language: str = LANGUAGE,
    columns: str = TABLE_COLUMNS,
    measured: int = MEASURED,
) -> None:
    """Keep the pieces of the vocabulary that some texts need: a smaller model with the same vectors."""
    from lusifer.io import Bars
    from lusifer.reshaping import trim_vocabulary

    text, order = table_columns(column, columns)
    with Bars(transient=True) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in ("reading", "measuring")}
        report = trim_vocabulary(
            model,
            into,
            files,
            pieces=pieces,
            at_least=at_least,
            languages=split(languages),
            column=text,
            language=language,
            columns=order,
            measured=measured,
            tell=lambda what, done, total: bars.update(tasks[what], completed=done, total=total),
        )
    show(report.languages, into, "trimmed", report.skipped)
    (pieces_before, kept), (was, now), (old, new) = report.pieces, report.parameters, report.size
    typer.echo(
        f"wrote {into}: {kept:,} of {pieces_before:,} pieces, {now / 1e6:,.1f} of {was / 1e6:,.1f} million parameters, "
        f"{new / 1e6:,.0f} of {old / 1e6:,.0f} MB; compare them: lusifer evaluate {model} {into} --suite FOLDER"
    )


@app.command("extend")
@verb
def extend(
    model: str = typer.Argument(..., help="A folder or hub id."),
    files: list[str] = typer.Argument(
        ..., help="Texts in the language: TSV, text, CSV, JSONL or Parquet files; globs."
    ),
    into: str = into_("The folder to make."),
    pieces: int = typer.Option(2000, "--pieces", help="New pieces, at most."),
    rows: str = typer.Option(
        "mean", "--rows", help="How their rows are made: mean, script, random, focus, translations."
    ),
    languages: str = languages_("Texts in these alone, e.g. sat_Olck."),
    column: str = COLUMN,
    language: str = LANGUAGE,
    columns: str = TABLE_COLUMNS,
    measured: int = MEASURED,
    seed: int = typer.Option(0, "--seed", help="Of what is drawn at random."),
) -> None:
    """Give a model pieces for a language that it spells badly; a training behind it makes use of them."""
    from lusifer.io import Bars
    from lusifer.reshaping import extend_vocabulary

    text, order = table_columns(column, columns)
    one_of("--rows", rows, "mean", "script", "random", "focus", "translations")
    pairs = []
    if rows == "translations":
        pairs = read_pairs(files, text, language or "language", order, split(languages))
    with Bars(transient=True) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in ("reading", "measuring")}
        report = extend_vocabulary(
            model,
            into,
            files,
            pieces=pieces,
            rows=rows,  # type: ignore[arg-type]
            translations=pairs,
            languages=split(languages),
            column=text,
            language=language,
            columns=order,
            measured=measured,
            seed=seed,
            tell=lambda what, done, total: bars.update(tasks[what], completed=done, total=total),
        )
    show(report.languages, into, "extended", report.skipped)
    before, after = report.pieces
    typer.echo(
        f"wrote {into}: {after - before:,} new pieces, {report.characters:,} of them characters that were unknown"
        + (f", others {', '.join(report.examples[:8])}" if report.examples else "")
    )


def read_pairs(
    files: list[str], column: str, language: str, columns: list[str], languages: list[str]
) -> list[tuple[str, str]]:
    """(English, foreign) sentences of files with a column `english`. Raises LusiferError without one."""
    from lusifer.data import read_rows
    from lusifer.io import expand
    from lusifer.text import Languages, code_of

    asked = Languages.of(languages)
    found = []
    for file in expand(files):
        for row in read_rows(file, columns or None):
            for name in ("english", column):
                if name not in row.values:
                    raise LusiferError(
                        f"{file}: --rows translations wants a column {name}; its columns are {', '.join(row.values)}"
                    )
            english, foreign = row.values["english"].strip(), row.values[column].strip()
            spoken = row.values.get(language)
            if english and foreign and (spoken is None or code_of(spoken) in asked):
                found.append((english, foreign))
    return found


def show(languages: list[LanguageChange], into: str, what: str, skipped: int) -> None:
    """Print what another vocabulary does to each language, and how many rows could not be read."""
    from rich.table import Table

    from lusifer.cli.console import tables

    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("language", overflow="fold")
    for name in ("texts", "tokens a text", what, "spelt as before", "unknown", what, "cosine"):
        table.add_column(name, justify="right")
    for one in languages[:SHOWN]:
        figures = (
            f"{one.tokens_before:.1f}",
            f"{one.tokens_after:.1f}",
            f"{one.same:.1%}",
            f"{one.unknown_before:.1%}",
            f"{one.unknown_after:.1%}",
            f"{one.cosine:.4f}",
        )
        shown = figures if one.measured else ("–",) * len(figures)
        table.add_row(one.language, f"{one.texts:,}", *shown)
    tables().print(table)
    if len(languages) > SHOWN:
        typer.echo(f"and {len(languages) - SHOWN} languages more, in {into}/reshape.yaml")
    if skipped:
        typer.echo(
            f"{skipped:,} rows without text, or that could not be read, were skipped", err=True
        )


@app.command("prune")
@verb
def prune(
    model: str = typer.Argument(..., help="A folder or hub id."),
    into: str = into_("The folder to make."),
    layers: str = typer.Option(None, "--layers", help="Those to keep, from 0, e.g. 0-5,11."),
    keep: int = typer.Option(None, "--keep", help="So many; which, is told by --texts."),
    texts: str = typer.Option(None, "--texts", help="A file of what the model will read."),
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
) -> None:
    """Take layers out of a model: faster, and further from what it was."""
    from lusifer.cli.embed import read_texts
    from lusifer.reshaping import prune_layers

    sample = read_texts(texts, column, columns) if texts else []
    kept = prune_layers(model, into, layers=_numbers(layers), keep=keep, texts=sample)
    typer.echo(
        f"wrote {into}, layers {', '.join(map(str, kept))}; compare them: lusifer evaluate {model} {into} --suite FOLDER"
    )


@app.command("whiten")
@verb
def whiten(
    model: str = typer.Argument(..., help="A folder or hub id."),
    files: list[str] = typer.Argument(
        ..., help="Texts as it will read them: TSV, text, CSV, JSONL or Parquet files; globs."
    ),
    into: str = into_("The folder to make."),
    power: float = typer.Option(
        0.0, "--power", help="Even variances out: from 0, not at all, to 1, whitening."
    ),
    dim: int = typer.Option(None, "--dim", help="Numbers a vector, those of most variance."),
    remove: int = typer.Option(0, "--remove", help="Take out so many of the first axes."),
    language_axes: int = typer.Option(
        0, "--language-axes", help="Take out so many axes that tell languages apart."
    ),
    outliers: bool = typer.Option(
        False, "--outliers", help="Take out numbers that are large in every text."
    ),
    texts: int = typer.Option(20_000, "--texts", help="How many are embedded at most."),
    column: str = COLUMN,
    language: str = LANGUAGE,
    columns: str = TABLE_COLUMNS,
) -> None:
    """Centre a model's vectors and turn them to their axes, best first; another space than before."""
    from lusifer.io import Bars
    from lusifer.reshaping import Evening, whiten_vectors

    text, order = table_columns(column, columns)
    with Bars(transient=True) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in ("reading", "embedding")}
        report = whiten_vectors(
            model,
            into,
            files,
            Evening(power, dim, remove, language_axes, outliers),
            texts=texts,
            column=text,
            language=language,
            columns=order,
            tell=lambda what, done, total: bars.update(tasks[what], completed=done, total=total),
        )
    count, languages = sum(report.languages.values()), len(report.languages)
    typer.echo(
        f"{count:,} texts in {languages:,} language{'s' * (languages != 1)}; mean cosine of two of them "
        f"{report.anisotropy[0]:.3f} before, {report.anisotropy[1]:.3f} now; "
        f"{len(report.outliers)} of {report.dims[0]} numbers are large in every text"
    )
    if report.skipped:
        typer.echo(
            f"{report.skipped:,} rows without text, or that could not be read, were skipped",
            err=True,
        )
    typer.echo(
        f"wrote {into}, {report.dims[1]} numbers a vector; its vectors do not fit an index of {model}'s; "
        f"compare them: lusifer evaluate {model} {into} --suite FOLDER"
    )


@app.command("map")
@verb
def map_(
    source: str = typer.Argument(..., help="Whose space is turned: a model, or a .vec file."),
    target: str = typer.Argument(..., help="Into whose: a model, or a .vec file."),
    files: list[str] = typer.Argument(
        ..., help="Pairs that mean the same: TSV, CSV, JSONL or Parquet files; globs."
    ),
    into: str = into_("The folder, or the .vec file, to make."),
    kind: str = typer.Option(
        "rotation",
        "--kind",
        help="rotation, ridge, least-squares, or csls, which finds more pairs.",
    ),
    penalty: float = typer.Option(1e-3, "--penalty", help="Of ridge."),
    column: str = typer.Option("source", "--source-column", help="The column of the source text."),
    other: str = typer.Option("target", "--target-column", help="The column of the target text."),
    columns: str = typer.Option(
        "", "--columns", help="A TSV's columns in order, e.g. source,target ('_' skips one)."
    ),
    most: int = typer.Option(200_000, "--most", help="Words of a .vec file that are read."),
) -> None:
    """Turn one space into another: languages of word vectors, or a model into the space of an index."""
    from lusifer.io import Bars
    from lusifer.reshaping import map_vectors

    one_of("--kind", kind, "rotation", "ridge", "least-squares", "csls")
    with Bars(transient=True) as bars:
        steps = ("reading", "embedding", "refining")
        tasks = {name: bars.add_task(name, total=None) for name in steps}
        report = map_vectors(
            source,
            target,
            into,
            files,
            kind,  # type: ignore[arg-type]
            penalty=penalty,
            column=column,
            other=other,
            columns=split(columns),
            most=most,
            tell=lambda what, done, total: bars.update(tasks[what], completed=done, total=total),
        )
    off = 1.96 * (report.cosine * (1 - report.cosine) / report.held) ** 0.5
    before = "" if report.before is None else f"{report.before:.3f} before, "
    typer.echo(
        f"{report.pairs:,} pairs; P@1 of {report.held:,} others among {report.targets:,}: {before}"
        f"{report.cosine:.3f} ± {off:.3f} by cosine, {report.csls:.3f} by CSLS; {report.orthogonality:.2f} from a rotation"
    )
    for count, what in (
        (report.absent, "pairs with a word that is in none of the files"),
        (report.skipped, "rows that could not be read or lack a side"),
    ):
        if count:
            typer.echo(f"{count:,} {what} were skipped", err=True)
    typer.echo(f"wrote {into}")


def _numbers(written: str | None) -> list[int]:
    """`0-5,11` as numbers. Raises LusiferError for anything else."""
    found: list[int] = []
    for part in split(written):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise LusiferError(f"--layers {written}: write numbers and stretches, e.g. 0-5,11")
        if not int(first) <= int(last or first) < MOST_LAYERS:
            raise LusiferError(
                f"--layers {written}: {part} is no stretch of layers; write e.g. 0-5,11"
            )
        found += range(int(first), int(last or first) + 1)
    return found
