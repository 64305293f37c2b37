"""`lusifer reshape trim`: a model with the pieces alone that some texts need, and what that does to
each language.

Every twentieth text of a language is held out: on these it is told how many tokens a text takes
before and after, how many texts are spelt as before, and how near the vectors stay. Cost: one pass of
the tokenizer over the files, and `measured` texts a language embedded twice. Not the last word on
quality: `lusifer evaluate` with both models is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.encoding import Corpus
from lusifer.errors import ConfigError
from lusifer.io import expand, named
from lusifer.reshaping.compared import (
    Comparison,
    LanguageChange,
    Tell,
    TextsByLanguage,
    each,
    folder_bytes,
    silent,
)
from lusifer.reshaping.pieces import Counts, count_pieces, plainly, wanted_pieces

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class TrimReport:
    """What `trim_vocabulary` made: pieces, parameters and bytes on disk, before and after; the
    languages, the most frequent first; how many rows could not be read.
    """

    folder: str
    pieces: tuple[int, int]
    parameters: tuple[int, int]
    size: tuple[int, int]
    languages: list[LanguageChange]
    skipped: int


def trim_vocabulary(
    model: str | Path,
    into: str | Path,
    files: Sequence[str] | str,
    *,
    pieces: int | None = None,
    at_least: int = 1,
    languages: Sequence[str] = (),
    column: str = "text",
    language: str = "",
    columns: Sequence[str] = (),
    measured: int = 50,
    tell: Tell = silent,
) -> TrimReport:
    """Write a copy of a model that has the pieces alone which some texts need.

    Args:
        model: any model that `lusifer.load` takes, but for endpoints and ONNX.
        into: a new folder, in the model's own format, with `reshape.yaml` beside it.
        files: texts as they will be read: names or globs of TSV, text, CSV, JSONL or Parquet files.
        pieces: how many to keep at most, the most needed ones; None for all that occur.
        at_least: how often a piece must be needed.
        languages: count texts in these alone, e.g. `hi` or `hin_Deva`.
        column: the column of the text.
        language: the column of the language; without one it is told from the text.
        columns: a TSV's columns in order.
        measured: of each language, how many held-out texts are embedded by both models.
        tell: gets what is done, how many of it, and of how many.

    Returns:
        Sizes before and after, and what it did to each language.

    Raises:
        LusiferError: where no text is in a language asked for, or the folder is there already.
        ConfigError: where `pieces` does not hold the special pieces.
        ModelError: for a model or a tokenizer that cannot be trimmed.
    """
    from lusifer.models import locate, sentence_transformer
    from lusifer.reshaping.trim import trim, vocabulary_of
    from lusifer.reshaping.write_like import refuse_existing, write_like

    folder = refuse_existing(into)
    if at_least < 1 or measured < 0:
        raise ConfigError("at_least must be 1 or more, measured 0 or more")
    names = expand(named(files))
    corpus = Corpus(tuple(names), column, (language,) if language else (), tuple(columns), True)
    texts = TextsByLanguage(corpus, language, languages, measured, tell)
    whole = sentence_transformer(model, device="cpu")
    tokenizer = vocabulary_of(whole)
    counts = count_pieces(tokenizer, texts)
    texts.check()
    # What stands around every text is needed as often as there are texts.
    np.add.at(counts, around(whole), sum(texts.read.values()))
    keep = wanted_pieces(tokenizer, counts, pieces, at_least)
    small = trim(whole, keep)
    beside = Comparison(whole, small, keep)
    found = [
        beside.line(code, texts.read[code], texts.held.get(code, []))
        for code in each(tell, [code for code, _ in texts.read.most_common()])
    ]
    settings = {"pieces": pieces, "at_least": at_least, "languages": list(languages)}
    about = {"trim": str(model), "files": names, "column": column, **settings}
    kept = {int(old): number for number, old in enumerate(keep)}
    before = sum(p.numel() for p in whole.parameters())
    after = sum(p.numel() for p in small.parameters())
    made: dict[str, Any] = {"languages": [asdict(one) for one in found]}
    write_like(small, model, folder, about | made, kept)
    return TrimReport(
        str(into),
        (len(tokenizer.get_vocab()), len(keep)),
        (before, after),
        (folder_bytes(locate(str(model))), folder_bytes(folder)),
        found,
        texts.skipped,
    )


def around(model: SentenceTransformer) -> Counts:
    """The pieces, (n,), that a model reads beside a text: those of its prompts, alone and before a
    word, and of its chat template.
    """
    from lusifer.reshaping.trim import vocabulary_of

    prompts = [prompt for prompt in model.prompts.values() if prompt]
    tokenizer = plainly(vocabulary_of(model))
    written = [one.ids for one in tokenizer.encode_batch([*prompts, *(f"{p}a" for p in prompts)])]
    read = model.preprocess(["a"])["input_ids"].flatten().tolist()
    return np.array([number for ids in (*written, read) for number in ids], dtype=np.int64)
