"""`lusifer curate draw|negatives|filter|pivot|synthesize`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import typer

from lusifer.cli.console import show
from lusifer.cli.options import (
    BF16,
    MODEL,
    RENAME,
    TABLE_COLUMNS,
    assignments,
    in_order,
    into as into_,
    languages as languages_,
    one_of,
    renamed,
    split,
)
from lusifer.cli.pivoting import pivot
from lusifer.cli.verb import verb
from lusifer.errors import LusiferError

app = typer.Typer(
    help="Make training data better: mine negatives, filter, synthesise.", no_args_is_help=True
)
FILES = typer.Argument(..., help="TSV, JSONL or Parquet files (or globs) of pairs.")
INTO = into_("The .jsonl file to write; its report goes beside it.")


app.command("pivot")(verb(pivot, computes=False))


@app.callback()
def root() -> None:
    """Make training data better: mine negatives, filter, synthesise."""


@app.command("draw")
@partial(verb, computes=False)
def draw_(
    recipe: str = typer.Argument(
        ..., help="A recipe with a key `texts`, or the name of one that ships (e5-student)."
    ),
    overrides: list[str] = typer.Argument(
        None, help="Changes, e.g. texts.count=100000 texts.root=DIR"
    ),
    into: str = into_("The .tsv file to write: language and text."),
) -> None:
    """Draw a corpus' texts, evenly over languages, in an order of which every beginning is even
    too.
    """
    from lusifer.data import write_drawn

    languages = write_drawn(recipe, into, overrides or [])
    typer.echo(f"wrote {into}: {sum(languages.values()):,} texts in {len(languages)} languages")


@app.command("negatives")
@verb
def negatives(
    files: list[str] = FILES,
    into: str = INTO,
    model: str = MODEL,
    corpus: list[str] = typer.Option(
        None, "--corpus", help="Files of further passages (a column document, or text)."
    ),
    num_negatives: int = typer.Option(7, "--num-negatives", "-n", help="Negatives a pair."),
    relative_margin: str = typer.Option(
        "0.05",
        "--relative-margin",
        help="A negative is so much of the positive below it; any: whatever it scores.",
    ),
    absolute_margin: float = typer.Option(
        None, "--absolute-margin", help="A negative is so much below the positive."
    ),
    max_score: float = typer.Option(
        None, "--max-score", help="The most that a negative may score; else no bound."
    ),
    min_score: float = typer.Option(
        None, "--min-score", help="The least that a negative may score; else no bound."
    ),
    range_min: int = typer.Option(
        0, "--range-min", help="Skip so many of the nearest that are left."
    ),
    range_max: int = typer.Option(
        None, "--range-max", help="Look at so many of the nearest; else 10 a negative."
    ),
    sampling: str = typer.Option("top", "--sampling", help="top: the hardest; random: a sample."),
    language: str = typer.Option(
        "any",
        "--language",
        help="Negatives of the document's language (same), of others (other), or any.",
    ),
    reranker: str = typer.Option(
        None,
        "--reranker",
        help="A cross-encoder that scores the candidates; its scores are kept for a KL term.",
    ),
    cache: str = typer.Option(
        None, "--cache", help="A folder where vectors are kept for further runs."
    ),
    bf16: bool = BF16,
    seed: int = typer.Option(0, "--seed", help="What random draws start from."),
    columns: str = TABLE_COLUMNS,
    rename: list[str] = RENAME,
) -> None:
    """Mine hard negatives, the suspects left out. Goes on where it was stopped."""
    from lusifer.curation import Mining, mine_negatives

    chosen: dict[str, Any] = {"sampling_strategy": one_of("--sampling", sampling, "top", "random")}
    chosen["language"] = one_of("--language", language, "any", "same", "other")
    relative = None if relative_margin == "any" else number("--relative-margin", relative_margin)
    settings = Mining(
        num_negatives,
        relative,
        absolute_margin,
        max_score,
        min_score,
        range_min,
        range_max,
        seed=seed,
        **chosen,
    )
    with progress() as tell:
        report = mine_negatives(
            files, into, model, settings, columns=in_order(columns) or None, rename=renamed(rename), corpus=corpus or (),
            reranker=reranker, cache=cache, bf16=bf16, tell=tell,
        )  # fmt: skip
    show(report, into)


@app.command("filter")
@verb
def filter_(
    files: list[str] = FILES,
    into: str = INTO,
    min_chars: int = typer.Option(
        1, "--min-chars", help="Drop rows with a text shorter than this."
    ),
    max_chars: int = typer.Option(100_000, "--max-chars", help="… longer than this."),
    max_ratio: float = typer.Option(
        None,
        "--max-ratio",
        help="… with a side so many times as long as the other (translations: 3).",
    ),
    sides: str = typer.Option(
        "document",
        "--sides",
        help="The sides that --scripts and --languages judge: query, document or both.",
    ),
    scripts: bool = typer.Option(
        False,
        "--scripts",
        help="Drop texts not in the script that the row's language names (hin_Deva).",
    ),
    languages: bool = typer.Option(
        False, "--languages", help="Drop texts surely in another language than the row's."
    ),
    duplicates: str = typer.Option(
        "exact",
        "--duplicates",
        help="Drop exact duplicates, near ones too (near), or keep all (keep).",
    ),
    similarity: float = typer.Option(
        0.8, "--similarity", help="What counts as near: the share of common shingles."
    ),
    against: list[str] = typer.Option(
        None,
        "--against",
        help="Evaluation files (globs); rows that share text with them are dropped.",
    ),
    ngram: int = typer.Option(
        50, "--ngram", help="Characters of a shared run that count as contamination."
    ),
    top_k: int = typer.Option(
        None,
        "--top-k",
        help="Drop pairs whose document is not among so many nearest to its query, by --model.",
    ),
    model: str = MODEL,
    bf16: bool = BF16,
    columns: str = TABLE_COLUMNS,
    rename: list[str] = RENAME,
) -> None:
    """Drop bad pairs, each with its reason in INTO.dropped.jsonl."""
    from lusifer.curation import Lengths, filter_pairs

    judged: Any = (
        ("query", "document")
        if one_of("--sides", sides, "query", "document", "both") == "both"
        else (sides,)
    )
    same: Any = one_of("--duplicates", duplicates, "exact", "near", "keep")
    with progress() as tell:
        report = filter_pairs(
            files, into, columns=in_order(columns) or None, rename=renamed(rename), lengths=Lengths(min_chars, max_chars, max_ratio),
            sides=judged, scripts=scripts, languages=languages, duplicates=same, similarity=similarity, against=against or (), ngram=ngram,
            top_k=top_k, model=model, bf16=bf16, tell=tell,
        )  # fmt: skip
    show(report, into)


@app.command("synthesize")
@partial(verb, computes=False)
def synthesize(
    context: typer.Context,
    files: list[str] = typer.Argument(
        ..., help="Texts: TSV, TXT, JSONL or Parquet; for --template structure Markdown, RST, HTML."
    ),
    into: str = INTO,
    template: str = typer.Option(
        "summarise-then-ask",
        "--template",
        "-t",
        help="See `lusifer curate templates`; structure needs no LLM.",
    ),
    endpoint: str = typer.Option(
        None,
        "--endpoint",
        help="An OpenAI-compatible one and its model: http://localhost:8000/v1#name",
    ),
    languages: str = languages_(
        "Write in these in turn, e.g. deu_Latn,hin_Deva; else in each row's own."
    ),
    limit: int = typer.Option(None, "--limit", help="The first so many texts alone."),
    exemplars: str = typer.Option(
        None, "--exemplars", help="A .jsonl file of query and document; five are shown to the LLM."
    ),
    control: list[str] = typer.Option(
        None, "--control", help="NAME=VALUE|VALUE: other values of a template's control."
    ),
    concurrency: int = typer.Option(8, "--concurrency", help="Requests at a time."),
    rpm: float = typer.Option(None, "--rpm", help="Requests a minute, at most."),
    timeout: float = typer.Option(120.0, "--timeout", help="Seconds until a request is given up."),
    temperature: float = typer.Option(
        0.7, "--temperature", help="How freely the LLM writes: 0 always the likeliest word."
    ),
    max_tokens: int = typer.Option(1024, "--max-tokens", help="Tokens of an answer, at most."),
    price_in: float = typer.Option(
        None, "--price-in", help="US dollars a million tokens of prompt, for the estimate."
    ),
    price_out: float = typer.Option(None, "--price-out", help="… of answer."),
    max_dollars: float = typer.Option(
        None, "--max-dollars", help="Do not start where the estimate is above this."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Print the estimate and the first prompt; ask nothing."
    ),
    seed: int = typer.Option(0, "--seed", help="What random draws start from."),
    columns: str = TABLE_COLUMNS,
    rename: list[str] = RENAME,
) -> None:
    """Have an LLM write queries for your texts, or take pairs from their structure. Goes on where
    it was stopped and pays once.
    """
    from lusifer.curation import Endpoint, preview, structure_pairs, synthesize_pairs

    if template == "structure":
        takes_only(context, "--template structure", "files", "into", "template")
        show(structure_pairs(files, into), into)
        return
    values = {
        name: rest.split("|")
        for name, rest in assignments("--control", control, "length=short|long")
    }
    given: dict[str, Any] = {
        "columns": in_order(columns) or None, "rename": renamed(rename), "languages": split(languages), "limit": limit,
        "exemplars": exemplars,
        "controls": values, "prices": (price_in, price_out), "seed": seed,
    }  # fmt: skip
    if dry_run:
        cost, prompt = preview(files, template, **given)
        typer.echo(f"{prompt}\n\n{cost}")
        return
    if endpoint is None:
        raise LusiferError(
            "say which LLM with --endpoint, e.g. http://localhost:8000/v1#name (or take --template structure, which needs none)"
        )
    asked = Endpoint(endpoint, concurrency, rpm, timeout, temperature, max_tokens)
    with progress() as tell:
        report = synthesize_pairs(
            files,
            into,
            template,
            asked,
            max_dollars=max_dollars,
            started=lambda cost: typer.echo(str(cost), err=True),
            tell=tell,
            **given,
        )
    show(report, into)


@app.command("templates")
@partial(verb, computes=False)
def templates(name: str = typer.Argument(None, help="Print this one whole.")) -> None:
    """List the templates, or print one."""
    from lusifer.curation import TEMPLATES, load_template, template_names

    if name == "structure":
        typer.echo(
            "structure asks no LLM: headings with their paragraphs, titles with their sections, "
            "terms with their definitions"
        )
        return
    if name:
        load_template(name)
        typer.echo((TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8").rstrip())
        return
    for each in template_names():
        found = load_template(each)
        typer.echo(f"{each:20} {found.task:20} {found.about}")
    typer.echo(
        f"{'structure':20} {'retrieval':20} heading and paragraph, title and section, term and definition; needs no LLM"
    )


def number(option: str, text: str) -> float:
    """A number from 0 on. Raises LusiferError for other texts."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise LusiferError(f"{option} is {text}; it must be a number from 0 on, or any")
    return value


def takes_only(context: typer.Context, mode: str, *names: str) -> None:
    """Raises LusiferError where another option was given: it would do nothing."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in names and source is not None and source.name == "COMMANDLINE":
            raise LusiferError(f"{mode} takes no --{name.replace('_', '-')}")


@contextmanager
def progress() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Bars on a terminal, one a step."""
    from lusifer.io import Bars

    with Bars(transient=True) as bars:

        def step(what: str) -> Callable[[int, int], None]:
            task = bars.add_task(what, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield step
