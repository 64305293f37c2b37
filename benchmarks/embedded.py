"""The models that come along, in turn: short texts and passages a second, on `OMP_NUM_THREADS`
threads.

OMP_NUM_THREADS=1 python benchmarks/embedded.py --suite ../shared/data
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import lusifer
from lusifer.data.rows import read_rows
from lusifer.io.files import write_text
from lusifer.models.hub import SHIPPED

SETS = {
    "short texts (Tatoeba)": ("bitext_eval/tatoeba.tsv.xz", ["_", "_", "_", "text"], 2000),
    "passages (XQuAD)": ("retrieval/xquad_corpus.tsv.xz", ["_", "_", "_", "text"], 400),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="../shared/data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--into", default="out/embedded.json")
    asked = parser.parse_args()
    models = {name: lusifer.load(name) for name in SHIPPED}
    best: dict[str, dict[str, float]] = {name: {} for name in models}
    for what, (file, columns, count) in SETS.items():
        rows = [row.values["text"] for row in read_rows(f"{asked.suite}/{file}", columns)]
        texts = rows[:: max(1, len(rows) // count)][:count]
        for _ in range(asked.rounds):
            for name, model in models.items():
                start = time.process_time()
                model.encode(texts)
                rate = len(texts) / (time.process_time() - start)
                best[name][what] = max(rate, best[name].get(what, 0.0))
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    for name, rates in best.items():
        for what, rate in rates.items():
            print(f"{name}: {rate:,.0f} {what} a second of processor time, {threads} threads")
    write_text(Path(asked.into), json.dumps({"threads": threads, "rates": best}, indent=2))


if __name__ == "__main__":
    main()
