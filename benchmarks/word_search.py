"""Is each sentence found by its own words? Word search (`mode="text"`'s terms) over SIB-200, language by language.

A word is what stands between white space and punctuation; in scripts without spaces, and in Korean, two
characters that follow each other. A sentence is found by a word where all that the query asks for is among
its terms. Beside it, the terms of a search engine's usual ASCII-minded analysis (words of `\\w`, small
letters). Run: python benchmarks/word_search.py ../shared/data/classification/sib200.tsv.xz -o out.json
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import regex

from lusifer.text.scripts import script_of
from lusifer.text.words import query_terms, terms

SPACES = regex.compile(r"[\s\p{P}\p{S}\u200b]+")
LETTERS = regex.compile(r"(?V1)[[\p{L}\p{M}]--\p{Latin}]+")
UNSPACED = {"Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Kore"}
Analysis = tuple[Callable[[str], str], Callable[[str], str]]


def plain(text: str) -> str:
    """Words of word characters in small letters."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def words(text: str) -> Iterator[str]:
    """What a person would look a sentence up by."""
    parts = [part for part in SPACES.split(text) if part]
    if script_of(text) not in UNSPACED:
        yield from parts
        return
    for part in LETTERS.findall(text):
        characters = regex.findall(r"\X", part)
        yield from ("".join(characters[i : i + 2]) for i in range(0, len(characters) - 1, 2))


def found(sentences: list[str], analysis: Analysis) -> float:
    """The share of (sentence, word of it) that find each other."""
    index_terms, asked_terms = analysis
    hits = total = 0
    for sentence in sentences:
        held = set(index_terms(sentence).split())
        for word in words(sentence):
            asked = set(asked_terms(word).split())
            hits += bool(asked) and asked <= held
            total += 1
    return hits / total


def main() -> None:
    """Print the languages where least is found, and the mean; write all as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("-o", "--out")
    args = parser.parse_args()
    sentences: dict[str, list[str]] = defaultdict(list)
    with lzma.open(args.file, "rt", encoding="utf-8") as stream:
        for line in stream:
            language, split, _, _, text = line.rstrip("\n").split("\t")[:5]
            if split == "test":
                sentences[language].append(text)
    analyses: dict[str, Analysis] = {
        "lusifer": (terms, query_terms),
        "words of \\w": (plain, plain),
    }
    result = {
        language: {name: round(found(rows, way), 4) for name, way in analyses.items()}
        for language, rows in sorted(sentences.items())
    }
    for name in analyses:
        mean = sum(row[name] for row in result.values()) / len(result)
        worst = sorted(result, key=lambda language: result[language][name])[:12]
        least = ", ".join(f"{language} {result[language][name]:.2f}" for language in worst)
        print(f"{name}: mean {mean:.4f} of {len(result)} languages; least: {least}")
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
