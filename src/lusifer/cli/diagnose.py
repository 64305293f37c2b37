"""`lusifer diagnose`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from rich.table import Table

    from lusifer.evaluate.vectors import Encoder

FIGURES = (
    "mexa",
    "likeness",
    "csls_gain",
    "hubness",
    "anisotropy",
    "outliers",
    "premium",
    "tokens_per_word",
    "tokens_per_character",
    "unknown",
)
MAP = 40  # sentences a language on the map


def diagnose(
    model: str = typer.Argument(..., help="A folder, a hub id, an endpoint, or default."),
    suite: str = typer.Option(..., "--suite", help="The folder of local evaluation files: its SIB-200 holds parallel sentences."),
    languages: str = typer.Option(None, "--languages", help="E.g. hi,swh_Latn; all 204 without."),
    sentences: int = typer.Option(200, "--sentences", help="So many of each language."),
    anchor: str = typer.Option(None, "--anchor", help="A reference model: how far has English moved from it?"),
    paraphrases: str = typer.Option(None, "--paraphrases", help="A TSV file of two columns: texts that mean the same."),
    sticky: bool = typer.Option(False, "--sticky", help="Look for sticky tokens in the whole vocabulary: minutes."),
    into: str = typer.Option("results", "--into", "-o", help="The folder that keeps results, for `lusifer report`."),
    bf16: bool = typer.Option(False, "--bf16", help="Compute in bfloat16."),
) -> None:
    """Say why a model does well in one language and not in another: tokens, alignment, hubs, drift, robustness."""
    import tempfile

    from rich.console import Console

    from lusifer.cli.console import tables
    from lusifer.evaluate.languages import ENGLISH, Languages
    from lusifer.evaluate.run import DIAGNOSIS, claim
    from lusifer.evaluate.sets import sib_bitext
    from lusifer.evaluate.vectors import Encoder
    from lusifer.files import write_json
    from lusifer.models.load import Named

    if sentences < 20:
        raise LusiferError(f"--sentences is {sentences}; at least 20 tell anything")
    asked = Languages.of(languages.split(",") if languages else None)
    groups = sib_bitext(Path(suite))
    asked.check(groups)
    chosen = [ENGLISH, *(language for language in asked.among(groups) if language != ENGLISH)]
    named = Named.load(model, bf16=bf16)
    folder = claim(Path(into), named, {"bf16": bf16})
    note = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="lusifer-vectors-") as aside:
        encoder = Encoder(named.embedder, Path(aside))
        found: dict[str, Any] = {"model": model, "sentences": sentences, "languages": _languages(encoder, groups, chosen, sentences, note)}
        english = [row["text"] for row in groups[ENGLISH][:sentences]]
        found["map"] = _map(encoder, groups, chosen)
        if anchor:
            found["drift"] = {"anchor": anchor} | _drift(encoder, english, anchor, Path(aside) / "anchor", bf16=bf16)
        if paraphrases:
            found["paraphrases"] = _paraphrases(encoder, paraphrases)
        if sticky:
            from lusifer.evaluate.sticky import detect

            value, tokens = detect(named.embedder, english)
            found["sticky"] = {"value": value, "tokens": [asdict(token) for token in tokens]}
    write_json(folder / DIAGNOSIS, found)
    out = tables()
    out.print(_table(found["languages"]))
    for name in ("drift", "paraphrases", "sticky"):
        if name in found:
            out.print(f"{name}: {json.dumps(found[name], ensure_ascii=False)[:2000]}", highlight=False)
    note.print(f"Definitions: docs/evaluate.md. Kept in {folder / DIAGNOSIS}.", highlight=False)


def _languages(encoder: Encoder, groups: Any, chosen: Sequence[str], sentences: int, note: Any) -> list[dict[str, Any]]:
    """Each language's figures, with its layers where the model has some."""
    from rich.progress import track

    from lusifer.evaluate.diagnose import diagnose as look
    from lusifer.evaluate.languages import ENGLISH
    from lusifer.evaluate.layers import alignment, by_layer

    rows = []
    for language in track(chosen, "languages", console=note):
        texts, english = ([row[side] for row in groups[language][:sentences]] for side in ("text", "english"))
        row = look(encoder, language, texts, english).row()
        layers = None if language == ENGLISH else by_layer(encoder.model, texts[:100])
        if layers:
            row["mexa_layers"], row["likeness_layers"] = alignment(layers, by_layer(encoder.model, english[:100]) or [])
        rows.append(row)
    return rows


def _map(encoder: Encoder, groups: Any, chosen: Sequence[str]) -> dict[str, Any]:
    """Parallel sentences of up to 14 languages in two dimensions."""
    from lusifer.evaluate.benchmark import benchmark
    from lusifer.evaluate.diagnose import flat
    from lusifer.evaluate.languages import Languages

    paper = Languages.of(list(benchmark().languages))
    by_code = {language.split("_")[0]: language for language in reversed(chosen) if language in paper}  # one script of each
    shown = [language for language in chosen if language in by_code.values()][:14] or list(chosen[:14])
    texts = [(language, row["text"]) for language in shown for row in groups[language][:MAP]]
    points = flat(encoder([text for _, text in texts]))
    return {
        "languages": [language for language, _ in texts],
        "numbers": [i for language in shown for i in range(len(groups[language][:MAP]))],
        "points": [[round(float(c), 5) for c in point] for point in points],
    }


def _drift(encoder: Encoder, english: Sequence[str], anchor: str, aside: Path, *, bf16: bool) -> dict[str, float]:
    from lusifer.evaluate.diagnose import drift
    from lusifer.evaluate.vectors import Encoder as Kept
    from lusifer.models.load import load

    return drift(encoder(english), Kept(load(anchor, bf16=bf16), aside)(english))


def _paraphrases(encoder: Encoder, file: str) -> dict[str, float]:
    from lusifer.data.readers import read_rows
    from lusifer.evaluate.kinds import cosines

    rows = [row.values for row in read_rows(file, ["a", "b"])]
    if not rows:
        raise LusiferError(f"{file}: holds no pairs")
    values = cosines(encoder, rows)
    return {"pairs": len(rows), "likeness": float(values.mean()), "lowest": float(values.min())}


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    from rich.table import Table as RichTable

    result = RichTable()
    result.add_column("language")
    changes = sorted({name for row in rows for name in row["changes"]})
    for name in (*FIGURES, *changes):
        result.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        cells = [row[name] for name in FIGURES] + [row["changes"].get(name) for name in changes]
        result.add_row(row["language"], *("" if c is None else str(c) if isinstance(c, int) else f"{c:.3f}" for c in cells))
    return result
