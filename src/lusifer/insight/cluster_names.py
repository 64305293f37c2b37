"""What a cluster is called: the words that it has and the others have not.

Method: for each language by itself, a word's log-odds in the cluster's texts against those of all
other clusters, with the whole as a prior, over its standard deviation (Monroe, Colaresi, Quinn 2008,
"Fightin' words"): common words fall out without a list of stop words. Words are those of the index's
search, so that every script has some; of scripts whose words
come as pairs of letters Han alone names, where there are others. Cost: one pass over the texts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lusifer.text import query_terms

SHORTEST = 3  # letters of a word of an alphabet that names something
LARGEST = 100_000  # words that are counted of a cluster and language; the rarest are let go of
FEWEST = 3  # texts of a cluster that a word stands in, where the cluster is not smaller
LEAST_SURPRISE = 1.0  # standard deviations; below them a word is as common elsewhere
PRIOR = 0.01  # texts that the prior counts as, of each word's share
# scripts whose words come as pairs of letters, which name nothing: kana, Thai, Lao, Burmese, Khmer, Hangul
FRAGMENTS = re.compile("[\u3040-\u30ff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uac00-\ud7af]")


@dataclass(frozen=True)
class Cluster:
    """A cluster: its number, how many texts, the words that name it, how many texts of each
    language, and the texts nearest to its centre.
    """

    number: int
    size: int
    words: list[str]
    languages: dict[str, int]
    examples: list[str]


class ClusterNames:
    """Counts words by cluster and language, then gives names."""

    def __init__(self, clusters: int) -> None:
        self.counts: list[dict[str, Counter[str]]] = [{} for _ in range(clusters)]
        self.texts: list[Counter[str]] = [Counter() for _ in range(clusters)]

    def add(self, clusters: Iterable[int], texts: Sequence[str], languages: Sequence[str]) -> None:
        """Count the words of texts; a cluster of -1 is none."""
        for cluster, text, language in zip(clusters, texts, languages, strict=True):
            if cluster < 0:
                continue
            counts = self.counts[cluster].setdefault(language, Counter())
            # A word counts once a text: a text that says it ten times is still one text.
            counts.update({word for word in query_terms(text).split() if _names_something(word)})
            self.texts[cluster][language] += 1
            if len(counts) > LARGEST:
                self.counts[cluster][language] = Counter(dict(counts.most_common(LARGEST // 2)))

    def names(self, words: int = 4) -> list[list[str]]:
        """The words of each cluster that say most of it, the best first."""
        whole: dict[str, Counter[str]] = {}
        texts: Counter[str] = Counter()
        for by_language, spoken in zip(self.counts, self.texts, strict=True):
            texts.update(spoken)
            for language, counts in by_language.items():
                whole.setdefault(language, Counter()).update(counts)
        return [self._name(number, whole, texts, words) for number in range(len(self.counts))]

    def _name(
        self, number: int, whole: dict[str, Counter[str]], texts: Counter[str], words: int
    ) -> list[str]:
        scores: dict[str, float] = {}
        for language, counts in self.counts[number].items():
            inside, everywhere = self.texts[number][language], texts[language]
            fewest = min(FEWEST, max(1, inside // 2))
            for word, count in counts.items():
                if count < fewest:
                    continue
                score = _surprise(count, inside, whole[language][word], everywhere)
                scores[word] = max(score, scores.get(word, -math.inf))
        telling = {word: score for word, score in scores.items() if score > LEAST_SURPRISE}
        scores = telling or scores
        order = sorted(scores, key=lambda word: (-scores[word], word))
        readable = [word for word in order if not FRAGMENTS.search(word)]
        return (readable or order)[:words]


def _surprise(count: int, inside: int, whole: int, everywhere: int) -> float:
    """How many standard deviations a word's log-odds in `inside` texts lie above those in the
    others, where it stands in `count` of `inside` and in `whole` of `everywhere`.
    """
    total = max(PRIOR * everywhere, 1.0)
    prior = total * whole / everywhere
    rest, outside = whole - count, everywhere - inside
    with_it, without = count + prior, inside - count + total - prior + 0.5
    others, lacking = rest + prior, outside - rest + total - prior + 0.5
    odds = math.log(with_it / without) - math.log(others / lacking)
    return odds / math.sqrt(1 / with_it + 1 / without + 1 / others + 1 / lacking)


def _names_something(word: str) -> bool:
    return not word.isdigit() and (len(word) >= SHORTEST or not word.isascii())
