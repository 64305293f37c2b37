"""A model's diagnosis whole, from a suite's parallel sentences: every language's figures, and a map
of some of them.

Cost: some 9 vectors a sentence and language (`diagnose_language`), and the states of all layers of 100
sentences where the model shows them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lusifer.data import read_rows
from lusifer.encoding import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation.catalog import sib_bitext
from lusifer.evaluation.diagnostics.alignment import diagnose_language, drift, flat
from lusifer.evaluation.diagnostics.layers import alignment, by_layer
from lusifer.evaluation.mteb_benchmark import benchmark
from lusifer.evaluation.tasks.kinds import ByLanguage, cosines
from lusifer.models import Embedder
from lusifer.text import ENGLISH, Languages

FEWEST = 20
LAYERED = 100  # sentences a language whose layers are compared
MAPPED, ON_MAP = 14, 40  # languages on the map, and sentences of each
Track = Callable[[Iterable[str]], Iterable[str]]


def diagnose(
    model: Embedder,
    suite: str | Path,
    languages: Sequence[str] | None = None,
    *,
    sentences: int = 200,
    anchor: Embedder | None = None,
    paraphrases: str | Path | None = None,
    sticky: bool = False,
    track: Track = iter,
) -> dict[str, Any]:
    """Diagnose a model language by language: alignment with English, fertility, robustness.

    Args:
        model: any embedder.
        suite: the folder that holds SIB-200.
        languages: all of SIB-200 without.
        sentences: of each language.
        anchor: the model of an existing index, from which drift is told.
        paraphrases: a TSV file of two columns.
        sticky: look for tokens that pull every text towards them.
        track: shows how far it is.

    Returns:
        Plain values for JSON: `languages` (a dict each), `map`, and what was asked of `drift`,
        `paraphrases` and `sticky`.

    Raises:
        LusiferError: for an unknown language, too few sentences or a file without pairs.
        DataError: for a broken file.
    """
    if sentences < FEWEST:
        raise LusiferError(f"sentences is {sentences}; at least {FEWEST} tell anything")
    asked, groups = Languages.of(languages), sib_bitext(Path(suite))
    asked.check(groups)
    chosen = [ENGLISH, *(language for language in asked.among(groups) if language != ENGLISH)]
    with tempfile.TemporaryDirectory(prefix="lusifer-vectors-") as aside:
        encoder = Encoder(model, Path(aside) / "own")
        found: dict[str, Any] = {"sentences": sentences}
        found["languages"] = [
            _language(encoder, language, groups[language][:sentences]) for language in track(chosen)
        ]
        found["map"] = _map(encoder, groups, chosen)
        english = [row["text"] for row in groups[ENGLISH][:sentences]]
        if anchor:
            found["drift"] = drift(
                encoder(english), Encoder(anchor, Path(aside) / "anchor")(english)
            )
        if paraphrases:
            found["paraphrases"] = _paraphrases(encoder, paraphrases)
    if sticky:
        from lusifer.evaluation.diagnostics.sticky import detect

        value, tokens = detect(model, english)
        found["sticky"] = {"value": value, "tokens": [asdict(token) for token in tokens]}
    return found


def _language(encoder: Encoder, language: str, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """A language's figures, with its layers where the model has some."""
    texts, english = ([row[side] for row in rows] for side in ("text", "english"))
    found = diagnose_language(encoder, language, texts, english).row()
    layers = None if language == ENGLISH else by_layer(encoder.model, texts[:LAYERED])
    if layers:
        found["mexa_layers"], found["likeness_layers"] = alignment(
            layers, by_layer(encoder.model, english[:LAYERED]) or []
        )
    return found


def on_map(chosen: Sequence[str]) -> list[str]:
    """The languages whose sentences are drawn: all that were asked for, where that many can be told
    apart; of more, the paper's, one script of each, and then the others in their order.
    """
    if len(chosen) <= MAPPED:
        return list(chosen)
    paper = Languages.of(list(benchmark().languages))
    by_code = {
        language.split("_")[0]: language for language in reversed(chosen) if language in paper
    }
    first = [language for language in chosen if language in by_code.values()]
    others = [language for language in chosen if language.split("_")[0] not in by_code]
    return [*first, *others][:MAPPED]


def _map(encoder: Encoder, groups: ByLanguage, chosen: Sequence[str]) -> dict[str, Any]:
    """Parallel sentences in two dimensions."""
    shown = on_map(chosen)
    texts = [(language, row["text"]) for language in shown for row in groups[language][:ON_MAP]]
    points = flat(encoder([text for _, text in texts]))
    return {
        "languages": [language for language, _ in texts],
        "numbers": [i for language in shown for i in range(len(groups[language][:ON_MAP]))],
        "points": [[round(float(c), 5) for c in point] for point in points],
    }


def _paraphrases(encoder: Encoder, file: str | Path) -> dict[str, float]:
    rows = [row.values for row in read_rows(str(file), ["a", "b"])]
    if not rows:
        raise LusiferError(f"{file}: holds no pairs")
    values = cosines(encoder, rows)
    return {"pairs": len(rows), "likeness": float(values.mean()), "lowest": float(values.min())}
