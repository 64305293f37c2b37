"""`lusifer reshape trim`: a model with the pieces alone that some texts need, and what that does to
each language.

Every twentieth text of a language is held out: on these it is told how many tokens a text takes
before and after, how many texts are spelt as before, and how near the vectors stay. Cost: one pass of
the tokenizer over the files, and `measured` texts a language embedded twice. Not the last word on
quality: `lusifer evaluate` with both models is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.data import Problem
from lusifer.encoding import Corpus
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import expand, named
from lusifer.reshaping.pieces import (
    Counts,
    count_pieces,
    plainly,
    unknown_piece,
    wanted_pieces,
)
from lusifer.text import Languages, asked_languages, language_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EVERY = 20  # of a language's texts one is held out
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrimmedLanguage:
    """What trimming does to a language: how many of its texts were read and how many of the held-out
    ones were measured; tokens a text before and after; the share of texts spelt as before; the share
    of tokens that are the unknown one afterwards; the mean cosine of a text's two vectors.
    """

    language: str
    texts: int
    measured: int
    tokens_before: float
    tokens_after: float
    same: float
    unknown: float
    cosine: float


@dataclass(frozen=True)
class TrimReport:
    """What `trim_vocabulary` made: pieces, parameters and bytes on disk, before and after; the
    languages, the most frequent first; how many rows could not be read.
    """

    folder: str
    pieces: tuple[int, int]
    parameters: tuple[int, int]
    size: tuple[int, int]
    languages: list[TrimmedLanguage]
    skipped: int


def silent(what: str, done: int, total: int) -> None:
    """Report nothing: the default of `trim_vocabulary`."""


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
    texts = _Texts(corpus, language, languages, measured, tell)
    whole = sentence_transformer(model, device="cpu")
    tokenizer = vocabulary_of(whole)
    counts = count_pieces(tokenizer, texts)
    texts.check()
    # What stands around every text is needed as often as there are texts.
    np.add.at(counts, around(whole), sum(texts.read.values()))
    keep = wanted_pieces(tokenizer, counts, pieces, at_least)
    small = trim(whole, keep)
    beside = _Comparison(whole, small, keep)
    found = [
        beside.line(code, texts.read[code], texts.held.get(code, []))
        for code in _progress(tell, [code for code, _ in texts.read.most_common()])
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
        (_bytes(locate(str(model))), _bytes(folder)),
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


class _Texts:
    """The texts to count, in the order of the files; what is held out of them, by language."""

    def __init__(
        self, corpus: Corpus, column: str, names: Sequence[str], measured: int, tell: Tell
    ) -> None:
        self.corpus, self.column, self.names = corpus, column, list(names)
        self.asked = Languages.of(names)
        # A short text is told no more than its script by, and counts for each language of it.
        self.told = {name: asked_languages(name) for name in ([] if column else self.names)}
        self.measured, self.tell = measured, tell
        self.read: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.held: dict[str, list[str]] = {}
        self.skipped = 0

    def __iter__(self) -> Iterator[str]:
        total = self.corpus.count() or 0
        for number, row in enumerate(self.corpus.read()):
            if number % 1000 == 0:
                self.tell("reading", number, max(number, total))
            if isinstance(row, Problem):
                self.skipped += 1
                continue
            text = self.corpus.text_of(row)
            code = _code(row.values[self.column].strip()) if self.column else language_of(text)
            if not self._wanted(code):
                self.others[code] += 1
                continue
            self.read[code] += 1
            held = self.held.setdefault(code, [])
            if self.read[code] % EVERY == 0 and len(held) < self.measured:
                held.append(text)
            else:
                yield text

    def _wanted(self, code: str) -> bool:
        if self.told:
            return any(code in codes for codes in self.told.values())
        return code in self.asked

    def check(self) -> None:
        """Raise LusiferError for a language that was asked for and of which there is no text."""
        missing = self.asked.missing(self.read)
        if self.told:
            missing = [name for name, codes in self.told.items() if not self.read.keys() & codes]
        if missing:
            known = ", ".join(sorted(self.others | self.read)[:12])
            raise LusiferError(
                f"no text is in {missing[0]}; the files have {known or 'no text at all'}"
            )
        if not self.read:
            raise LusiferError(f"{', '.join(self.corpus.files[:3])}: holds no row with text")


def _code(written: str) -> str:
    """A language as files name it, where it is one that we know."""
    try:
        return (Languages.of([written]).names or (written,))[0]
    except LusiferError:
        return written


def _progress(tell: Tell, codes: list[str]) -> Iterator[str]:
    for number, code in enumerate(codes):
        tell("measuring", number, len(codes))
        yield code
    tell("measuring", len(codes), len(codes))


class _Comparison:
    """A model and its trimmed copy, side by side."""

    def __init__(
        self, whole: SentenceTransformer, small: SentenceTransformer, keep: Counts
    ) -> None:
        from lusifer.reshaping.trim import vocabulary_of

        self.models, self.keep = (whole, small), keep
        self.tokenizers = [plainly(vocabulary_of(model)) for model in self.models]
        self.unknown = unknown_piece(self.tokenizers[1])

    def line(self, code: str, read: int, texts: list[str]) -> TrimmedLanguage:
        """A language's line; NaN where it has too few texts to hold some out."""
        if not texts:
            return TrimmedLanguage(code, read, 0, *(float("nan"),) * 5)
        before, after = (
            [np.array(one.ids, dtype=np.int64) for one in tokenizer.encode_batch(texts)]
            for tokenizer in self.tokenizers
        )
        same = [np.array_equal(a, self.keep[b]) for a, b in zip(before, after, strict=True)]
        tokens = np.concatenate(after)
        first, second = (
            np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False))
            for model in self.models
        )
        return TrimmedLanguage(
            code,
            read,
            len(texts),
            round(float(np.mean([len(one) for one in before])), 2),
            round(len(tokens) / len(texts), 2),
            round(float(np.mean(same)), 4),
            round(float(np.mean(tokens == self.unknown)), 4) if self.unknown is not None else 0.0,
            round(float((first * second).sum(1).mean()), 4),
        )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
