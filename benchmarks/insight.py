"""How good topics, groups that say the same, and alignments are, on sets of the data folder.

topics: 8,000 titles of StackOverflow (20 tags): V-measure, beside k-means that is told the number.
same: SIB-200 in eight languages, 500 sentences each: pairs of translations in one group.
sentences: NTREX in documents of a hundred sentences, a twentieth of which is left out and a seventh
joined on either side: strict F1 of whole steps. words: links that a dictionary confirms, in 300
sentences of NTREX. Intervals are resamples of documents, or of sentences.

python benchmarks/insight.py ../shared/data
python benchmarks/insight.py ../shared/data --only words --model out/multilingual-e5-small
"""

from __future__ import annotations

import argparse
import collections
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lusifer
from lusifer.insight import ClusterSettings, cluster_vectors, split_words

SIB = ("fra_Latn", "rus_Cyrl", "ben_Beng", "kor_Hang", "tur_Latn", "ell_Grek", "vie_Latn", "yor_Latn")  # fmt: skip
SENTENCES = ("deu_Latn", "fin_Latn", "arb_Arab", "tha_Thai", "jpn_Jpan", "rus_Cyrl")
WORDS = ("deu_Latn", "spa_Latn", "arb_Arab", "fin_Latn", "rus_Cyrl")
DRAWS = 1000
Counts = tuple[int, int, int]  # right, found, there


def read(file: Path) -> Iterator[list[str]]:
    with lzma.open(file, "rt", encoding="utf-8") as opened:
        for line in opened:
            yield line.rstrip("\n").split("\t")


def f1_of(counts: Sequence[Counts]) -> dict[str, float]:
    """Precision, recall and F1 of all together, and half of F1's 95 % interval."""
    table = np.array(counts, dtype=float)

    def f1(rows: np.ndarray[Any, Any]) -> float:
        right, found, there = rows.sum(0)
        return float(2 * right / max(1.0, found + there))

    rng = np.random.default_rng(0)
    draws = [f1(table[rng.integers(0, len(table), len(table))]) for _ in range(DRAWS)]
    low, high = np.quantile(draws, [0.025, 0.975])
    right, found, there = table.sum(0)
    said = {
        "precision": right / max(1.0, found),
        "recall": right / max(1.0, there),
        "F1": f1(table),
    }
    return {name: round(float(value), 3) for name, value in said.items()} | {
        "±": round(float(high - low) / 2, 3)
    }


def topics(model: Any, data: Path) -> Iterator[dict[str, Any]]:
    from sklearn.metrics import v_measure_score

    rows = list(read(data / "clustering" / "stackoverflow_titles_en.tsv.xz"))
    rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:8000]]
    vectors = model.encode([row[2] for row in rows])
    for told in (None, 20):
        found = cluster_vectors(vectors, ClusterSettings(clusters=told)).cluster
        score = v_measure_score([row[1] for row in rows], found)
        yield {
            "told": told or "nothing",
            "texts": len(rows),
            "clusters": int(found.max()) + 1,
            "V-measure": round(score, 3),
        }


def same(model: Any, data: Path) -> Iterator[dict[str, Any]]:
    rows = [row for row in read(data / "classification" / "sib200.tsv.xz") if row[0] in SIB]
    names = sorted({row[2] for row in rows})
    kept = {names[i] for i in np.random.default_rng(0).permutation(len(names))[:500]}
    rows = [row for row in rows if row[2] in kept]
    languages = [row[0] for row in rows]
    vectors = model.encode([row[4] for row in rows])
    for margin in (1.15, 1.25):
        settings = ClusterSettings("same", margin=margin)
        group = cluster_vectors(vectors, settings, languages=languages).cluster
        where: dict[str, list[int]] = collections.defaultdict(list)
        for row, label in zip(rows, group.tolist(), strict=True):
            where[row[2]].append(label)
        sizes = collections.Counter(label for label in group.tolist() if label >= 0)
        right = {
            name: pairs(collections.Counter(x for x in labels if x >= 0))
            for name, labels in where.items()
        }
        found, there = pairs(sizes), sum(len(x) * (len(x) - 1) // 2 for x in where.values())
        precision, recall = sum(right.values()) / max(1, found), sum(right.values()) / there
        yield {
            "margin": margin,
            "texts": len(rows),
            "precision": round(precision, 3),
            "recall": round(recall, 3),
            "F1": round(2 * precision * recall / max(1e-9, precision + recall), 3),
        }


def pairs(sizes: collections.Counter[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())


def noisy(count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Which of `count` sentences make each sentence of one side."""
    made: list[tuple[int, ...]] = []
    i = 0
    while i < count:
        drawn = rng.random()
        if 0.05 <= drawn < 0.2 and i + 1 < count:
            made.append((i, i + 1))
            i += 2
            continue
        if drawn >= 0.05:
            made.append((i,))
        i += 1
    return made


Step = tuple[tuple[int, ...], tuple[int, ...]]


def true_steps(first: Sequence[tuple[int, ...]], second: Sequence[tuple[int, ...]]) -> set[Step]:
    """Sentences of either side that belong together, since they hold the same ones."""
    steps: list[tuple[set[int], set[int]]] = []
    own = {number: j for j, parts in enumerate(second) for number in parts}
    for i, parts in enumerate(first):
        others = {own[number] for number in parts if number in own}
        if not others:
            continue
        joined = [step for step in steps if step[1] & others]
        merged = ({i}.union(*(s[0] for s in joined)), others.union(*(s[1] for s in joined)))
        steps = [step for step in steps if step not in joined] + [merged]
    return {(tuple(sorted(a)), tuple(sorted(b))) for a, b in steps}


def sentences(model: Any, data: Path) -> Iterator[dict[str, Any]]:
    rows = list(read(data / "bitext_eval" / "ntrex_dev.tsv.xz"))
    for language in SENTENCES:
        both = [(row[3], row[4]) for row in rows if row[0] == language]
        counts: list[Counts] = []
        for start in range(0, len(both) - 99, 100):
            part = both[start : start + 100]
            rng = np.random.default_rng(start)
            sides = [noisy(len(part), rng) for _ in range(2)]
            texts = [
                [" ".join(part[i][k] for i in parts) for parts in side]
                for k, side in enumerate(sides)
            ]
            truth = true_steps(*sides)
            steps = {
                (tuple(range(*step.first)), tuple(range(*step.second)))
                for step in lusifer.align_sentences(model, *texts)
                if step.first[0] < step.first[1] and step.second[0] < step.second[1]
            }
            counts.append((len(truth & steps), len(steps), len(truth)))
        yield {
            "language": language,
            "documents": len(counts),
            "steps": sum(c[2] for c in counts),
        } | f1_of(counts)


def words(model: Any, data: Path) -> Iterator[dict[str, Any]]:
    known: dict[str, set[tuple[str, str]]] = collections.defaultdict(set)
    for row in read(data / "lexicon" / "wiktionary.tsv.xz"):
        known[row[0]].add((row[1].lower(), row[2].lower()))
    rows = list(read(data / "bitext_eval" / "ntrex_dev.tsv.xz"))
    for language in WORDS:
        chosen = [(r[3], r[4]) for r in rows if r[0] == language and 30 < len(r[3]) < 160][:300]
        for method in ("argmax", "itermax", "match", "softmax"):
            counts = []
            for english, other in chosen:
                truth = dictionary_links(english, other, known[language])
                if not truth:
                    continue
                found = set(lusifer.align_words(model, english, other, method=method))
                sides = {i for i, _ in truth}, {j for _, j in truth}
                judged = {(i, j) for i, j in found if i in sides[0] or j in sides[1]}
                counts.append((len(truth & found), len(judged), len(truth)))
            row = {"language": language, "method": method, "sentences": len(counts)}
            yield row | {"links": sum(c[2] for c in counts)} | f1_of(counts)


def dictionary_links(english: str, other: str, known: set[tuple[str, str]]) -> set[tuple[int, int]]:
    """Words that stand once in their sentence and have one translation in the other."""
    first, second = ([word.lower() for word in split_words(text)] for text in (english, other))
    once, once_there = collections.Counter(first), collections.Counter(second)
    links = set()
    for i, word in enumerate(first):
        at = [j for j, w in enumerate(second) if once_there[w] == 1 and (word, w) in known]
        if once[word] == 1 and len(word) > 2 and len(at) == 1:
            links.add((i, at[0]))
    taken = collections.Counter(j for _, j in links)
    return {(i, j) for i, j in links if taken[j] == 1}


KINDS: dict[str, Callable[[Any, Path], Iterator[dict[str, Any]]]] = {
    "topics": topics,
    "same": same,
    "sentences": sentences,
    "words": words,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--model", default="default")
    arguments.add_argument("--only", nargs="*", choices=list(KINDS), default=list(KINDS))
    arguments.add_argument("--into", default="out/insight.json")
    asked = arguments.parse_args()
    model = lusifer.load(asked.model)
    rows = []
    for kind in asked.only:
        for row in KINDS[kind](model, asked.data):
            rows.append({"kind": kind} | row)
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    Path(asked.into).parent.mkdir(parents=True, exist_ok=True)
    Path(asked.into).write_text(json.dumps({"model": asked.model, "rows": rows}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
