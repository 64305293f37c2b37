"""A model that knows which texts belong together, and a suite of the real files' shapes, from our
own texts.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

LETTERS, LETTERS_24 = "abcdefgh", "abcdefghijklmnopqrstuvwx"
SPLITS = ("train", "dev", "test")
BOTH = ("eng_Latn", "deu_Latn")


class Oracle:
    """An embedder that tells texts apart by the letter that follows '#', and kinds of texts by one
    that follows '@'.
    """

    dim = 26
    max_tokens = 10
    prompts: Mapping[str, str] = {"query": "q", "document": "d"}

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        self.seen += [f"{prompt}:{t}" for t in texts]
        made = np.zeros((len(texts), 26), dtype=np.float32)
        for row, text in zip(made, texts, strict=True):
            for mark in "#@":
                if mark in text:
                    row[ord(text.split(mark)[1][0]) - 97] = 1
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def labelled(language: str, split: str) -> list[tuple[str, str]]:
    """(label, text): two classes; no two texts of a language have the same letter."""
    letters = LETTERS_24[8 * SPLITS.index(split) :][:8]
    return [
        ("sport", f"text {language} #{c} @y") if i < 4 else ("science", f"text {language} #{c} @z")
        for i, c in enumerate(letters)
    ]


def write_suite(root: Path) -> Path:
    """All files of the suite, each tiny."""
    pairs = [(5 * (i % 2), f"x #{c}", f"y #{c if i % 2 else 'z'}") for i, c in enumerate(LETTERS)]
    stsb = [f"{lang}\t{s}\t{a}\t{b}" for lang in BOTH for s, a, b in pairs]
    sick = [f"eng_Latn\t{s}\t{'ENTAILMENT' if s else 'NEUTRAL'}\t{a}\t{b}" for s, a, b in pairs]
    trec = [
        f"eng_Latn\t{int(c == d)}\tasked #{c}\tanswer {c} #{d}" for c in "abc" for d in "abcd"
    ] + ["eng_Latn\t0\tno answer #x\tanswer #y"]
    classes = [
        (lang, split, i, label, t)
        for lang in BOTH
        for split in SPLITS
        for i, (label, t) in enumerate(labelled(lang, split))
    ]
    files = {
        "bitext_eval/tatoeba": [
            f"{lang}\tx\tenglish #{c}\tforeign {lang} #{c}"
            for lang in ("deu_Latn", "cor_Latn")
            for c in LETTERS
        ],
        "bitext_eval/ntrex_dev": [
            f"deu_Latn\tx\t{i}\tenglish #{c}\tforeign #{c}" for i, c in enumerate(LETTERS)
        ],
        "bitext_eval/mgsm": [f"deu_Latn\tenglish #{c}\tsum #{c}" for c in LETTERS],
        "retrieval/xquad_corpus": [
            f"{lang}\tp{c}\ttitle\tpassage {lang} #{c}" for lang in BOTH for c in LETTERS
        ],
        "retrieval/xquad_queries": [
            f"{lang}\tq{c}\tp{c}\tquestion {lang} #{c}\tanswer" for lang in BOTH for c in LETTERS
        ],
        "retrieval/xquad_r_candidates": [
            f"{lang}\ts{lang}{c}\tsentence {lang} #{c}" for lang in BOTH for c in LETTERS
        ],
        "retrieval/xquad_r_queries": [
            f"{lang}\tq{c}\ts{lang}{c}\task {lang} #{c}" for lang in BOTH for c in LETTERS
        ],
        "retrieval/squad11_dev_corpus_en": [
            f"eng_Latn\tp{c}\ttitle\tsquad passage #{c}" for c in LETTERS
        ],
        "retrieval/squad11_dev_queries_en": [
            f"eng_Latn\tq{c}\tp{c}\tsquad question #{c}" for c in LETTERS
        ],
        "retrieval/cranfield_corpus_en": [
            f"eng_Latn\t{i}\ttitle\twing {i} #{c}" for i, c in enumerate("aabbccdd")
        ],
        "retrieval/cranfield_queries_en": [
            f"eng_Latn\t{i}\tlift #{c}" for i, c in enumerate("abcd")
        ],
        "retrieval/cranfield_qrels": [
            f"{i}\t{2 * i + j}\t{j + 1}" for i in range(4) for j in range(2)
        ]
        + ["0\t7\t-1"],
        "similarity/sts17": [f"track5\ten-en\t{s}\t{a}\t{b}" for s, a, b in pairs]
        + [f"track4a\tes-en\t{s}\t{a}\t{b}" for s, a, b in pairs],
        "similarity/stsb_test": stsb,
        "similarity/stsb_dev": stsb,
        "similarity/sick_test_en": sick,
        "similarity/sick_dev_en": sick,
        "similarity/sts12_16_en": [
            f"{year}\tnews\ttest\t{s}\t{a}\t{b}" for year in (2012, 2013) for s, a, b in pairs
        ],
        "classification/sib200": [
            f"{lang}\t{split}\t{SPLITS.index(split) * 8 + i}\t{label}\t{t}"
            for lang, split, i, label, t in classes
        ],
        "classification/nusax_sentiment": [
            f"{lang}\t{split}\t{i}\t{label}\t{t}" for lang, split, i, label, t in classes
        ],
        "classification/masakhanews": [
            f"{lang}\t{split}\t{label}\thead\t{t}"
            for lang, split, _, label, t in classes
            if split != "train"
        ],
        "classification/banking77_en": [
            f"{lang}\t{split}\t{label}\t{t}"
            for lang, split, _, label, t in classes
            if lang == "eng_Latn"
        ],
        "classification/clinc150_en": [
            f"{lang}\t{split}\t{label}\t{t}"
            for lang, split, _, label, t in classes
            if lang == "eng_Latn"
        ],
        "clustering/stackoverflow_titles_en": [
            f"eng_Latn\t{c}\ttitle {i} #{c}" for i in range(4) for c in "ab"
        ],
        "reranking/trecqa_test_en": trec,
        "reranking/trecqa_dev_en": trec,
    }
    for name, lines in files.items():
        file = root / f"{name}.tsv.xz"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode()))
    return root
