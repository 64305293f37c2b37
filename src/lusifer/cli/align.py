"""`lusifer align`."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from lusifer.cli.options import MODEL, PROMPT, into as into_, one_of
from lusifer.errors import LusiferError


def align(
    first: str = typer.Argument(
        ..., help="A document: text, Markdown, HTML, PDF; with --words a sentence."
    ),
    second: str = typer.Argument(..., help="The same in another language."),
    into: str = into_("A .tsv or .jsonl file; without it the screen.", None),
    model: str = MODEL,
    words: str = typer.Option(
        None, "--words", help="Align words of two sentences: argmax, itermax, match or softmax."
    ),
    by_line: bool = typer.Option(False, "--by-line", help="Each line is one sentence already."),
    skip: float = typer.Option(
        0.5, "--skip", help="What a sentence alone costs (0 to 1); less leaves more alone."
    ),
    prompt: str = PROMPT,
    as_json: bool = typer.Option(False, "--json", help="One JSON object a pair, for programs."),
) -> None:
    """Align the sentences of two documents that translate each other, or the words of two sentences."""
    from lusifer.insight import align_documents
    from lusifer.io import refuse_input, write_text
    from lusifer.models import load
    from lusifer.text import on_one_line

    if words:
        _show_words(first, second, words, model)
        return
    if into and not into.endswith((".tsv", ".jsonl")):
        raise LusiferError(f"{into}: name the file with .tsv or .jsonl at the end")
    if into:
        refuse_input(into, [first, second])
    found = align_documents(load(model), first, second, by_line=by_line, prompt=prompt, skip=skip)
    in_json = as_json or bool(into and into.endswith(".jsonl"))
    lines = [
        json.dumps(asdict(pair), ensure_ascii=False)
        if in_json
        else f"{pair.cosine:.3f}\t{on_one_line(pair.first)}\t{on_one_line(pair.second)}"
        for pair in found
    ]
    if not into:
        for line in lines:
            typer.echo(line)
        return
    write_text(into, "".join(line + "\n" for line in lines))
    both = sum(bool(pair.first and pair.second) for pair in found)
    typer.echo(f"{into}: {both:,} pairs, {len(found) - both:,} sentences without a counterpart")


def _show_words(first: str, second: str, method: str, model: str) -> None:
    """A line for each pair of words: their numbers, and the words."""
    from lusifer.insight import align_words, split_words
    from lusifer.models import load

    method = one_of("--words", method, "argmax", "itermax", "match", "softmax")
    sides = split_words(first), split_words(second)
    for i, j in align_words(load(model), *sides, method=method):  # type: ignore[arg-type]
        typer.echo(f"{i}-{j}\t{sides[0][i]}\t{sides[1][j]}")
