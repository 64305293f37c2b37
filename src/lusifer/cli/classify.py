"""`lusifer classify`: labels of texts in any language."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer

from lusifer.cli.console import tell_skipped
from lusifer.cli.default_group import DefaultGroup
from lusifer.cli.options import (
    BF16,
    COLUMN,
    MODEL,
    PROMPT,
    TABLE_COLUMNS,
    into as into_,
    one_of,
    table_columns,
)
from lusifer.cli.verb import verb

app = typer.Typer(
    cls=DefaultGroup, help="Label texts in any language, taught in one.", no_args_is_help=True
)
LABEL = typer.Option("label", "--label", help="The column, or key, that holds the label.")
LANGUAGE = typer.Option("", "--language-column", help="The column of a row's language, if any.")
WHERE = typer.Option(None, "--model", "-m", help="The embedder, if it has moved.")


@app.callback()
def root() -> None:
    """Label texts in any language, taught in one."""


@app.command("train")
@verb
def train(
    files: list[str] = typer.Argument(..., help="TSV, CSV, JSONL or Parquet: texts and labels."),
    into: str = into_("The folder of the classifier."),
    model: str = MODEL,
    column: str = COLUMN,
    label: str = LABEL,
    language: str = LANGUAGE,
    columns: str = TABLE_COLUMNS,
    kind: str = typer.Option("logistic", "--kind", help="logistic, or mlp: one hidden layer."),
    balanced: bool = typer.Option(
        False, "--balanced", help="Each label counts the same, however many examples it has."
    ),
    precision: float = typer.Option(
        None, "--precision", help="Give a label only where it is right so often, e.g. 0.9."
    ),
    prompt: str = PROMPT,
    seed: int = typer.Option(0, "--seed", help="Of what is drawn at random."),
    bf16: bool = BF16,
) -> None:
    """Teach a classifier on labelled texts; cross-validation says how good it is."""
    from lusifer.insight import Teaching, read_labelled, train_classifier
    from lusifer.models import LoadedModel

    settings = Teaching(
        kind=one_of("--kind", kind, "logistic", "mlp"),  # type: ignore[arg-type]
        balanced=balanced,
        precision=precision,
        prompt=prompt,
        seed=seed,
    )
    text, order = table_columns(column, columns)
    rows = read_labelled(files, text=text, label=label, language=language, columns=order)
    tell_skipped(rows.skipped)
    made = train_classifier(rows, LoadedModel.load(model, bf16=bf16), settings)
    made.save(into)
    show_scores(made.about["scores"], made.about["labels"])
    error = made.about["calibration error"]["after"]
    typer.echo(
        f"{into}: {len(rows.texts):,} texts, {len(made.labels)} labels; its probabilities are off by {error:.3f} on average"
    )
    never = [name for name, least in made.thresholds.items() if least > 1]
    if never:
        typer.echo(
            f"never given, since never right often enough: {', '.join(never)}; a lower --precision gives them",
            err=True,
        )


@app.command("evaluate")
@verb
def evaluate(
    classifier: str = typer.Argument(..., help="The folder of a classifier."),
    files: list[str] = typer.Argument(..., help="Labelled texts that it was not taught on."),
    column: str = COLUMN,
    label: str = LABEL,
    language: str = LANGUAGE,
    columns: str = TABLE_COLUMNS,
    model: str = WHERE,
    as_json: bool = typer.Option(False, "--json", help="One JSON object a figure, for programs."),
) -> None:
    """How good a classifier is, language by language, with intervals."""
    from lusifer.insight import Classifier, evaluate_classifier, read_labelled

    text, order = table_columns(column, columns)
    rows = read_labelled(files, text=text, label=label, language=language, columns=order)
    tell_skipped(rows.skipped)
    scores = [
        score.row() for score in evaluate_classifier(Classifier.load(classifier, model), rows)
    ]
    if as_json:
        for row in scores:
            typer.echo(json.dumps(row))
    else:
        show_scores(scores)


@app.command("apply")
@verb
def apply(
    classifier: str = typer.Argument(..., help="The folder of a classifier."),
    files: list[str] = typer.Argument(..., help="TSV, text, CSV, JSONL or Parquet files."),
    into: str = into_("A JSONL file for the results; without it the screen.", None),
    column: str = COLUMN,
    columns: str = TABLE_COLUMNS,
    model: str = WHERE,
    as_json: bool = typer.Option(False, "--json", help="One JSON object a text, for programs."),
) -> None:
    """Label texts (`lusifer classify CLASSIFIER FILE` for short)."""
    from lusifer.insight import Classifier, classify_files
    from lusifer.io import replacing_file
    from lusifer.text import on_one_line

    text, order = table_columns(column, columns)
    made = Classifier.load(classifier, model)
    skipped: list[str] = []
    found = classify_files(made, files, text=text, columns=order, skipped=skipped)
    if into:
        count = 0
        with replacing_file(into) as stream:
            for row in found:
                stream.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
                count += 1
        typer.echo(f"{into}: {count:,} texts")
    else:
        for row in found:
            shown = f"{row['label'] or '-'}\t{row['probability']:.3f}\t{on_one_line(row['text'])}"
            typer.echo(json.dumps(row, ensure_ascii=False) if as_json else shown)
    tell_skipped(skipped)


@app.command("examples")
@verb
def examples(
    labelled: str = typer.Argument(..., help="TSV, CSV, JSONL or Parquet: texts and labels."),
    files: list[str] = typer.Argument(..., help="Texts that want examples, in any language."),
    into: str = into_("A JSONL file for the results; without it the screen.", None),
    model: str = MODEL,
    k: int = typer.Option(8, "--examples", "-k", help="Examples a text."),
    spread: bool = typer.Option(False, "--spread", help="The nearest of each label first."),
    template: str = typer.Option(
        r"Text: {text}\nLabel: {label}", "--template", help=r"Of an example; \n is a new line."
    ),
    column: str = COLUMN,
    label: str = LABEL,
    columns: str = TABLE_COLUMNS,
    texts_columns: str = typer.Option(
        None, "--texts-columns", help="Columns of a TSV of texts, in order; else as --columns."
    ),
    prompt: str = PROMPT,
    bf16: bool = BF16,
) -> None:
    """The nearest labelled texts of each text, and a prompt for a language model made of them."""
    import dataclasses

    from lusifer.insight import nearest_examples, read_labelled
    from lusifer.io import replacing_file
    from lusifer.models import LoadedModel

    text, order = table_columns(column, columns)
    rows = read_labelled([labelled], text=text, label=label, columns=order)
    asked_text, asked_order = (text, order)
    if texts_columns is not None:
        asked_text, asked_order = table_columns(column, texts_columns)
    asked = read_labelled(files, text=asked_text, label="", columns=asked_order)
    tell_skipped([*rows.skipped, *asked.skipped])
    embedder = LoadedModel.load(model, bf16=bf16).embedder
    shape = template.replace(r"\n", "\n")
    found = nearest_examples(embedder, rows, asked.texts, k=k, spread=spread, prompt=prompt)
    lines = (
        json.dumps(dataclasses.asdict(one) | {"prompt": one.prompt(shape)}, ensure_ascii=False)
        for one in found
    )
    if into:
        with replacing_file(into) as stream:
            for line in lines:
                stream.write(f"{line}\n".encode())
        typer.echo(f"{into}: {len(asked.texts):,} texts with up to {k} examples each")
    else:
        for line in lines:
            typer.echo(line)


def show_scores(
    scores: Iterable[dict[str, Any]], labels: dict[str, dict[str, float]] | None = None
) -> None:
    """Figures by language, and by label where they are known."""
    from rich.table import Table

    from lusifer.io import plain_console

    by_language: dict[str, dict[str, dict[str, Any]]] = {}
    for row in scores:
        by_language.setdefault(row["language"], {})[row["metric"]] = row
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name in ("language", "texts", "accuracy", "macro-F1"):
        table.add_column(name, justify="left" if name == "language" else "right")
    for language, found in by_language.items():
        shown = [
            f"{found[name]['value']:.3f} ({found[name]['low']:.3f} to {found[name]['high']:.3f})"
            for name in ("accuracy", "macro-F1")
        ]
        table.add_row(language, f"{found['accuracy']['n']:,}", *shown)
    plain_console().print(table)
    if labels:
        table = Table(show_edge=False, pad_edge=False, header_style="bold")
        for name in ("label", "given", "precision", "recall"):
            table.add_column(name, justify="left" if name == "label" else "right")
        for label, row in labels.items():
            given = f"{int(row['given']):,}"
            table.add_row(label, given, f"{row['precision']:.3f}", f"{row['recall']:.3f}")
        plain_console().print(table)
