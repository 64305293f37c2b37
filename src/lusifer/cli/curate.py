"""`lusifer curate negatives|filter|synthesize`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from lusifer.errors import LusiferError

app = typer.Typer(help="Make training data better: mine negatives, filter, synthesise.", no_args_is_help=True)
FILES = typer.Argument(..., help="TSV, JSONL or Parquet files (or globs) of pairs.")
INTO = typer.Option(..., "--into", "-o", help="The .jsonl file to write; its report goes beside it.")
COLUMNS = typer.Option(None, "--columns", help="A TSV's columns in order, e.g. language,query,document ('_' skips one).")
RENAME = typer.Option(None, "--rename", help="OLD=NEW, as often as needed, e.g. question=query.")


@app.callback()
def root() -> None:
    """Make training data better: mine negatives, filter, synthesise."""


@app.command("negatives")
def negatives(
    files: list[str] = FILES,
    into: str = INTO,
    model: str = typer.Option("default", "--model", "-m", help="The miner: any model that `lusifer.load` takes."),
    corpus: list[str] = typer.Option(None, "--corpus", help="Files of further passages (a column document, or text)."),
    num_negatives: int = typer.Option(7, "--num-negatives", "-n", help="Negatives a pair."),
    relative_margin: float = typer.Option(0.05, "--relative-margin", help="A negative is so much of the positive below it; -1: any."),
    absolute_margin: float = typer.Option(None, "--absolute-margin", help="A negative is so much below the positive."),
    max_score: float = typer.Option(None, "--max-score"),
    min_score: float = typer.Option(None, "--min-score"),
    range_min: int = typer.Option(0, "--range-min", help="Skip so many of the nearest that are left."),
    range_max: int = typer.Option(None, "--range-max", help="Look at so many of the nearest; else 10 a negative."),
    sampling: str = typer.Option("top", "--sampling", help="top: the hardest; random: a sample."),
    language: str = typer.Option("any", "--language", help="Negatives of the document's language (same), of others (other), or any."),
    reranker: str = typer.Option(None, "--reranker", help="A cross-encoder that scores the candidates; its scores are kept for a KL term."),
    cache: str = typer.Option(None, "--cache", help="A folder where vectors are kept for further runs."),
    bf16: bool = typer.Option(False, "--bf16", help="Embed in bfloat16."),
    seed: int = typer.Option(0, "--seed"),
    columns: str = COLUMNS,
    rename: list[str] = RENAME,
) -> None:
    """Mine hard negatives, the suspects left out. Goes on where it was stopped."""
    from lusifer.curate.negatives import Mining, mine
    from lusifer.curate.pairs import output_name, read_pairs, read_passages
    from lusifer.curate.report import Report
    from lusifer.models.load import Named

    output = output_name(into)
    chosen: dict[str, Any] = {"sampling_strategy": one_of("--sampling", sampling, "top", "random")}
    chosen["language"] = one_of("--language", language, "any", "same", "other")
    settings = Mining(
        num_negatives, None if relative_margin == -1 else relative_margin, absolute_margin, max_score, min_score, range_min, range_max,
        seed=seed, **chosen,
    )  # fmt: skip
    report = Report("negatives", {"files": files, "corpus": corpus or [], "model": model, "reranker": reranker})
    names, renamed = columns.split(",") if columns else None, pairs_of(rename)
    rows = read_pairs(files, names, renamed, report)
    further = read_passages(corpus, renamed) if corpus else iter(())
    named = Named.load(model, **({"bf16": True} if bf16 else {}))
    judge = cross_encoder(reranker) if reranker else None
    with progress() as tell:
        mine(
            rows, named, output, settings, report,
            corpus=further, reranker=judge, reranker_name=reranker or "", cache=Path(cache) if cache else None, tell=tell,
        )  # fmt: skip
    show(report, output)


def one_of(option: str, value: str, *allowed: str) -> str:
    """The value. Raises LusiferError naming those allowed."""
    if value not in allowed:
        raise LusiferError(f"{option} is {value!r}; it must be one of {', '.join(allowed)}")
    return value


def pairs_of(rename: list[str] | None) -> dict[str, str]:
    """OLD=NEW options as a mapping."""
    wrong = [text for text in rename or [] if "=" not in text]
    if wrong:
        raise LusiferError(f"--rename {wrong[0]}: write it as OLD=NEW, e.g. question=query")
    return {old: new for old, _, new in (text.partition("=") for text in rename or [])}


def cross_encoder(name: str) -> Callable[[list[tuple[str, str]]], Any]:
    """A reranker by its folder or hub id."""
    from lusifer.models.rerank import load_reranker

    return load_reranker(name)


@contextmanager
def progress() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Bars on a terminal, one a step."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:

        def step(what: str) -> Callable[[int, int], None]:
            task = bars.add_task(what, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield step


def show(report: Any, output: Path) -> None:
    """Save a report, and print it."""
    file = report.save(output)
    typer.echo(f"wrote {output}: {report.written:,} of {report.read:,} rows; report: {file}")
    for reason, count in report.dropped.most_common():
        typer.echo(f"  {count:>9,}  {reason}")
