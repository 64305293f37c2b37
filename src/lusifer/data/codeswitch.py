"""Code-switching: words of an English text replaced by a lexicon's translations.

Method: CoSDA-ML (arXiv 2006.06402): a text is switched with probability `texts`; then each word (or
pair of words) that the lexicon knows is replaced with a probability drawn once for the text from
`words`. Half of the switched texts take one language throughout, half a language a word. Articles
and the like, which most languages lack, are sometimes dropped. No translated sentence and no label
is used: a recipe that does this says so by naming a lexicon. Cost: about 15 us a word. Not for
training a target that must model word order: the word order stays English.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lusifer.data.sources import Source, read_source, require
from lusifer.errors import ConfigError


@dataclass(frozen=True)
class CodeSwitch:
    """Which lexicon, and how much of a text is replaced."""

    lexicon: tuple[Source, ...] = ()
    texts: float = 0.5
    words: tuple[float, ...] = (0.3, 1.0)
    drop: float = 0.3
    temperature: float = 0.5

    def __post_init__(self) -> None:
        if len(self.words) != 2 or not 0 <= self.words[0] <= self.words[1] <= 1:
            raise ValueError(
                "code_switch.words must be two shares, least and most, e.g. [0.3, 1.0]"
            )
        if not 0 <= self.texts <= 1:
            raise ValueError("code_switch.texts must be from 0 to 1")


WORD = re.compile(r"\w+(?:['’-]\w+)*")
LIGHT = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "do",
        "does",
        "did",
        "will",
        "would",
        "has",
        "have",
        "had",
        "it",
        "its",
        "there",
    ]
)


class Switcher:
    """Replaces words by a lexicon of (language, English, translation) entries."""

    def __init__(self, config: CodeSwitch, entries: Iterable[tuple[str, str, str]]) -> None:
        self.config = config
        self.entries: dict[str, dict[int, list[str]]] = defaultdict(dict)
        codes: dict[str, int] = {}
        counts: dict[int, int] = defaultdict(int)
        for language, english, text in entries:
            code = codes.setdefault(language, len(codes))
            self.entries[english.lower()].setdefault(code, []).append(text)
            counts[code] += 1
        if not codes:
            raise ValueError("the lexicon is empty")
        weight = (
            np.array([counts[c] for c in range(len(codes))], dtype=np.float64)
            ** self.config.temperature
        )
        self.cumulative = np.cumsum(weight / weight.sum())

    @classmethod
    def read(cls, config: CodeSwitch, root: str | Path) -> Switcher:
        """From the recipe's lexicon files (columns `language`, `english`, `text`)."""
        if not config.lexicon:
            raise ConfigError(
                "code_switch.lexicon must name at least one source (or set code_switch=null)"
            )
        for source in config.lexicon:
            require(source, ("english", "text"), "code_switch.lexicon")
        rows = (row.values for source in config.lexicon for row in read_source(source, root))
        return cls(config, ((v["language"], v["english"], v["text"]) for v in rows))

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """The text, switched or not; a function of the text and the generator's state alone."""
        config = self.config
        if rng.random() >= config.texts:
            return text
        share = rng.uniform(config.words[0], config.words[1])
        one = int(np.searchsorted(self.cumulative, rng.random())) if rng.random() < 0.5 else None
        words = list(WORD.finditer(text))
        draws = rng.random((len(words), 3))
        out, end, i = [], 0, 0
        while i < len(words):
            word, used, replacement = words[i], 1, None
            if draws[i, 0] < share:
                for size in (2, 1):
                    if i + size <= len(words):
                        replacement = self._translate(
                            text[word.start() : words[i + size - 1].end()], one, draws[i]
                        )
                        if replacement is not None:
                            used = size
                            break
                if (
                    replacement is None
                    and word.group().lower() in LIGHT
                    and draws[i, 1] < config.drop
                ):
                    replacement = ""
            if replacement is not None:
                out += [text[end : word.start()], replacement]
                end = words[i + used - 1].end()
            i += used
        return " ".join("".join([*out, text[end:]]).split())

    def _translate(self, phrase: str, language: int | None, draw: np.ndarray) -> str | None:
        for form in _lemmas(phrase.lower()):
            found = self.entries.get(form)
            if not found:
                continue
            options = (
                found.get(language)
                if language is not None
                else list(found.values())[int(draw[1] * len(found))]
            )
            if options:
                return options[
                    int(draw[2] ** 2 * len(options))
                ]  # the first senses are the common ones
        return None


def _lemmas(word: str) -> list[str]:
    """The word and its likely base forms: enough to find most inflected English words in a
    dictionary.
    """
    forms = [word]
    for ending, instead in (
        ("ies", "y"),
        ("es", ""),
        ("s", ""),
        ("ied", "y"),
        ("ed", ""),
        ("ed", "e"),
        ("ing", ""),
        ("ing", "e"),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            forms.append(word[: -len(ending)] + instead)
    return forms
