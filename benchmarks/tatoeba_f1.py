"""Tatoeba as mteb counts it: the weighted F1 of the sentence that each foreign one finds, beside the
accuracy that `lusifer evaluate` gives. Pools of up to 1,000, by language.

python benchmarks/tatoeba_f1.py out/multilingual-e5-small --suite ../shared/data
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from statistics import fmean

import numpy as np
from sklearn.metrics import f1_score

import lusifer
from lusifer.data import read_rows
from lusifer.io import track, write_json

POOL = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--suite", default="../shared/data")
    parser.add_argument("--prompt", help="of the model's, on both sides; e.g. query")
    parser.add_argument("--fp32", action="store_true", help="compute in float32")
    parser.add_argument("--into", default="out/benchmarks/tatoeba_f1.json")
    asked = parser.parse_args()
    model = lusifer.load(asked.model, bf16=not asked.fp32)
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in read_rows(
        f"{asked.suite}/bitext_eval/tatoeba.tsv.xz", ["language", "_", "english", "text"]
    ):
        pairs[row.values["language"]].append((row.values["english"], row.values["text"]))
    found: dict[str, dict[str, float]] = {}
    for language in track(sorted(pairs), "languages"):
        english, foreign = (
            model.encode([pair[side] for pair in pairs[language][:POOL]], prompt=asked.prompt)
            for side in (0, 1)
        )
        nearest = (foreign @ english.T).argmax(1)
        gold = np.arange(len(nearest))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f1 = float(f1_score(gold, nearest, average="weighted", zero_division=0))
        found[language] = {
            "f1": f1,
            "accuracy": float((gold == nearest).mean()),
            "examples": len(gold),
        }
    for measure in ("f1", "accuracy"):
        mean = fmean(scores[measure] for scores in found.values())
        print(f"{measure}: {mean:.3f}, the mean of {len(found)} languages")
    write_json(asked.into, found)


if __name__ == "__main__":
    main()
