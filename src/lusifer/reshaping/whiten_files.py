"""`lusifer reshape whiten`: a model whose vectors are centred, turned to their principal axes and evened out, as a
layer behind its pooling.

The texts should be like those that the model will read, in all of their languages: each counts as it is given.
Cost: one pass of the model over `texts`. The vectors of an index that another copy of the model made do not fit any
more: build it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.data import Problem
from lusifer.encoding import Corpus
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import expand, named
from lusifer.reshaping.compared import Tell, silent
from lusifer.reshaping.lexicon import unit
from lusifer.reshaping.whiten import Evening, Floats, anisotropy, evened, outliers
from lusifer.text import code_of, language_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MOST, BLOCK = 20_000, 512


@dataclass(frozen=True)
class WhitenReport:
    """What `whiten_vectors` made: texts by language, numbers a vector before and after, the mean cosine of two different
    texts before and after, the numbers that are large in every text, and how many rows could not be read.
    """

    folder: str
    languages: dict[str, int]
    dims: tuple[int, int]
    anisotropy: tuple[float, float]
    outliers: tuple[int, ...]
    skipped: int


def whiten_vectors(
    model: str | Path,
    into: str | Path,
    files: Sequence[str] | str,
    how: Evening | None = None,
    *,
    texts: int = MOST,
    column: str = "text",
    language: str = "",
    columns: Sequence[str] = (),
    tell: Tell = silent,
) -> WhitenReport:
    """Write a copy of a model whose vectors are centred and evened out.

    Args:
        model: any model that `lusifer.load` takes, but for endpoints and ONNX.
        into: a new folder, in the model's own format, with `reshape.yaml` beside it; a table of words becomes a
            sentence-transformers model, since its rows carry no shift.
        files: texts as they will be read: names or globs of TSV, text, CSV, JSONL or Parquet files.
        how: what becomes of the axes; None centres and turns alone.
        texts: how many are embedded at most, the same number of each language where there are more.
        column: the column of the text.
        language: the column of the language; without one it is told from the text.
        columns: a TSV's columns in order.
        tell: gets what is done, how many of it, and of how many.

    Returns:
        What was read, and what it did.

    Raises:
        LusiferError: where there are fewer texts than numbers in a vector, or the folder is there already.
        ConfigError: where no axis or no text is left.
    """
    from lusifer.models import sentence_transformer
    from lusifer.reshaping.linear_map import put_linear
    from lusifer.reshaping.write_like import refuse_existing, write_like

    how = how or Evening()
    if texts < 1:
        raise ConfigError(f"texts is {texts}; it is 1 or more")
    folder = refuse_existing(into)
    whole = sentence_transformer(model, device="cpu")
    how.size(int(whole.get_embedding_dimension() or 0))
    names = expand(named(files))
    corpus = Corpus(tuple(names), column, (language,) if language else (), tuple(columns), True)
    chosen, skipped = fair_share(corpus, language, texts, tell)
    spoken = [code for code, of in chosen.items() for _ in of]
    index, own = embedded(whole, [text for of in chosen.values() for text in of], tell)
    matrix, bias = evened(own, how, spoken)
    put_linear(whole, index, matrix, bias)
    report = WhitenReport(
        str(into),
        {code: len(of) for code, of in chosen.items()},
        (own.shape[1], matrix.shape[1]),
        (round(anisotropy(unit(own)), 4), round(anisotropy(unit(own @ matrix + bias)), 4)),
        tuple(outliers(own)),
        skipped,
    )
    made: dict[str, Any] = {
        "whiten": str(model),
        "files": names,
        "column": column,
        **asdict(how),
        "texts": report.languages,
        "anisotropy": list(report.anisotropy),
    }
    write_like(whole, model, folder, made)
    return report


def fair_share(
    corpus: Corpus, language: str, most: int, tell: Tell
) -> tuple[dict[str, list[str]], int]:
    """The first texts of each language, as many of each where all are too many.

    Args:
        corpus: the files.
        language: the column of the language; without one it is told from the text.
        most: how many texts in all.
        tell: gets what is done, how many of it, and of how many.

    Returns:
        Texts by language, the most frequent language first, and how many rows could not be read.

    Raises:
        LusiferError: where there is no text.
    """
    found: dict[str, list[str]] = {}
    skipped, held, total = 0, 0, corpus.count() or 0
    for number, row in enumerate(corpus.read()):
        if number % 1000 == 0:
            tell("reading", number, max(number, total))
        if isinstance(row, Problem):
            skipped += 1
            continue
        text = corpus.text_of(row)
        code = code_of(row.values[language]) if language else language_of(text)
        of = found.setdefault(code, [])
        of.append(text)
        held += 1
        if held > 2 * most:  # no more in memory than twice what is taken
            least = shares({code: len(of) for code, of in found.items()}, most)
            found = {code: of[: max(1, least.get(code, 0))] for code, of in found.items()}
            held = sum(map(len, found.values()))
    if not found:
        raise LusiferError(f"{', '.join(corpus.files[:3])}: holds no row with text")
    sizes = shares({code: len(of) for code, of in found.items()}, most)
    return {code: found[code][:size] for code, size in sizes.items()}, skipped


def shares(counts: dict[str, int], most: int) -> dict[str, int]:
    """How many of each to take, at most `most` in all: as many of each as of others, or all there are; those
    that have most first.
    """
    left, taken = most, dict[str, int]()
    for number, (code, count) in enumerate(sorted(counts.items(), key=lambda item: item[1])):
        taken[code] = min(count, left // (len(counts) - number))
        left -= taken[code]
    return {code: taken[code] for code, _ in Counter(counts).most_common() if taken[code]}


def embedded(model: SentenceTransformer, texts: list[str], tell: Tell) -> tuple[int, Floats]:
    """As `before_normalizing`, told as it goes on."""
    from lusifer.reshaping.linear_map import before_normalizing

    found, index = list[Floats](), 0
    for start in range(0, len(texts), BLOCK):
        tell("embedding", start, len(texts))
        index, made = before_normalizing(model, texts[start : start + BLOCK])
        found.append(made)
    tell("embedding", len(texts), len(texts))
    return index, np.concatenate(found)
