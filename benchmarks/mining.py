"""Bitext mining: F1 at the best threshold on NTREX with distractors, and its speed against two
plain loops.

Of a language's sentences the first half keep their translation; of the rest every other one stands
in its own language alone, and the others in English alone: a third of each side has no partner.

    python benchmarks/mining.py MODEL --suite ../shared/data -o out/mining.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import lusifer
from lusifer.data.rows import read_rows
from lusifer.io.files import write_json
from lusifer.search.bitext import best_threshold, mine_bitext, nearest

LANGUAGES = (
    "arb_Arab,deu_Latn,fin_Latn,jpn_Jpan,kor_Kore,mar_Deva,rus_Cyrl,tam_Taml,tha_Thai,yor_Latn"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--suite", default="../shared/data")
    parser.add_argument("--languages", default=LANGUAGES)
    parser.add_argument("-o", "--into")
    options = parser.parse_args()
    model = lusifer.load(options.model)
    groups: dict[str, list[tuple[str, str]]] = {name: [] for name in options.languages.split(",")}
    for row in read_rows(
        str(Path(options.suite) / "bitext_eval" / "ntrex_dev.tsv.xz"),
        ["language", "_", "_", "english", "text"],
    ):
        if row.values["language"] in groups:
            groups[row.values["language"]].append((row.values["text"], row.values["english"]))
    result: dict[str, object] = {}
    print(f"{'language':10} {'gold':>5} {'F1':>6} {'precision':>9} {'recall':>7} {'threshold':>9}")
    for language, rows in groups.items():
        if not rows:
            raise SystemExit(f"{language}: not in NTREX's dev half")
        half = len(rows) // 2
        own = [text for text, _ in rows[:half]] + [text for text, _ in rows[half::2]]
        english = [text for _, text in rows[:half]] + [text for _, text in rows[half + 1 :: 2]]
        found = mine_bitext(model.encode(own), model.encode(english))
        f1, precision, recall, threshold = best_threshold(found, {(i, i) for i in range(half)})
        result[language] = {
            "gold": half,
            "f1": f1,
            "precision": precision,
            "recall": recall,
            "threshold": threshold,
        }
        print(f"{language:10} {half:5} {f1:6.3f} {precision:9.3f} {recall:7.3f} {threshold:9.3f}")
    result["mean_f1"] = float(
        np.mean([entry["f1"] for entry in result.values() if isinstance(entry, dict)])
    )
    result["speed"] = speed()
    print(f"mean F1 {result['mean_f1']:.3f}; speed {json.dumps(result['speed'])}")
    if options.into:
        write_json(options.into, result)


def speed(n: int = 3000, dim: int = 256, rounds: int = 3) -> dict[str, float]:
    """Seconds for the neighbours of n x n random vectors: ours in blocks, two loops over numpy
    rows; interleaved, medians.
    """
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, dim)).astype(np.float32) for _ in range(2))
    times: dict[str, list[float]] = {"blocks": [], "loops": []}
    for _ in range(rounds):
        start = time.perf_counter()
        nearest(x, y, 4)
        times["blocks"].append(time.perf_counter() - start)
        start = time.perf_counter()
        for rows, others in ((x, y), (y, x)):
            for row in rows:
                np.argsort(-(others @ row))[:4]
        times["loops"].append(time.perf_counter() - start)
    blocks, loops = (float(np.median(times[name])) for name in ("blocks", "loops"))
    return {"blocks_s": blocks, "loops_s": loops, "loops_over_blocks": loops / blocks}


if __name__ == "__main__":
    main()
