"""The texts that a vocabulary is fitted to, by language, and a model beside the same with another
vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lusifer.data import Problem
from lusifer.encoding import Corpus
from lusifer.errors import LusiferError
from lusifer.reshaping.pieces import Counts, plainly, unknown_piece
from lusifer.text import Languages, asked_languages, code_of, language_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EVERY = 20  # of a language's texts one is held out
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LanguageChange:
    """What another vocabulary does to a language: how many of its texts were read and how many of the
    held-out ones were measured; tokens a text before and after; the share of texts spelt as before;
    the share of tokens that are the unknown one, before and after; the mean cosine of a text's two
    vectors.
    """

    language: str
    texts: int
    measured: int
    tokens_before: float
    tokens_after: float
    same: float
    unknown_before: float
    unknown_after: float
    cosine: float


def silent(what: str, done: int, total: int) -> None:
    """Report nothing: the default of `trim_vocabulary`."""


class TextsByLanguage:
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
            code = code_of(row.values[self.column]) if self.column else language_of(text)
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


def each(tell: Tell, codes: list[str]) -> Iterator[str]:
    """The languages one by one, told as they are measured."""
    for number, code in enumerate(codes):
        tell("measuring", number, len(codes))
        yield code
    tell("measuring", len(codes), len(codes))


class Comparison:
    """A model and the same with another vocabulary, side by side; `keep` are the first one's numbers of
    the second's pieces, where they have any.
    """

    def __init__(
        self, whole: SentenceTransformer, small: SentenceTransformer, keep: Counts
    ) -> None:
        from lusifer.reshaping.trim import vocabulary_of

        self.models, self.keep = (whole, small), keep
        self.tokenizers = [plainly(vocabulary_of(model)) for model in self.models]
        self.unknown = [unknown_piece(tokenizer) for tokenizer in self.tokenizers]

    def line(self, code: str, read: int, texts: list[str]) -> LanguageChange:
        """A language's line; NaN where it has too few texts to hold some out."""
        if not texts:
            return LanguageChange(code, read, 0, *(float("nan"),) * 6)
        before, after = (
            [np.array(one.ids, dtype=np.int64) for one in tokenizer.encode_batch(texts)]
            for tokenizer in self.tokenizers
        )
        known = len(self.keep)
        same = [
            bool((b < known).all()) and np.array_equal(a, self.keep[b])
            for a, b in zip(before, after, strict=True)
        ]
        lost = [
            0.0 if unknown is None else float(np.mean(np.concatenate(ids) == unknown))
            for ids, unknown in zip((before, after), self.unknown, strict=True)
        ]
        first, second = (
            np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False))
            for model in self.models
        )
        return LanguageChange(
            code,
            read,
            len(texts),
            round(float(np.mean([len(one) for one in before])), 2),
            round(float(np.mean([len(one) for one in after])), 2),
            round(float(np.mean(same)), 4),
            round(lost[0], 4),
            round(lost[1], 4),
            round(float((first * second).sum(1).mean()), 4),
        )


def folder_bytes(folder: Path) -> int:
    """What all files of a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
