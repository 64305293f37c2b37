"""An index of many passages: how long it takes to make, how much disk, how fast questions are answered,
and how many of the true ten nearest the inverted file finds.

The truth is every product, computed with numpy on the vectors that the index stores. With `--bm25s` the same
texts and questions by bm25s, in turns with ours (pip install bm25s).

python benchmarks/index.py ../shared/data/monolingual/common_voice.tsv.xz --columns lang,text --rows 1000000
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import shutil
import time
from pathlib import Path

import numpy as np

import lusifer
from lusifer.data import read_rows
from lusifer.text import query_terms, terms

QUESTIONS, TOP = 200, 10


def median_ms(times: list[float]) -> float:
    return round(1000 * float(np.median(times)), 1)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("file")
    arguments.add_argument("--columns", default="text")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--model", default="static")
    arguments.add_argument("--bm25s", action="store_true")
    arguments.add_argument("--index", default="out/benchmark-index")
    arguments.add_argument("--into", default="out/index.json")
    asked = arguments.parse_args()

    rows = itertools.islice(read_rows(asked.file, asked.columns.split(",")), asked.rows)
    texts = [row.values["text"] for row in rows]
    order = np.random.default_rng(0).permutation(len(texts))
    questions = [texts[i][: max(20, len(texts[i]) // 2)] for i in order[:QUESTIONS]]
    shutil.rmtree(asked.index, ignore_errors=True)
    began = time.perf_counter()
    index = lusifer.Index.create(asked.index, asked.model)
    index.add({"id": i, "text": text} for i, text in enumerate(texts))
    built = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    disk = sum(f.stat().st_size for f in Path(asked.index).rglob("*") if f.is_file()) / 1e6

    stored = index.rows.search().select(["path", "number", "vector"]).to_arrow()
    values = stored["vector"].combine_chunks().values.to_numpy(zero_copy_only=False)
    vectors = values.reshape(len(stored), -1).astype(np.float32)
    places = list(zip(stored["path"].to_pylist(), stored["number"].to_pylist(), strict=True))
    model = index.embedder
    rank = {place: number for number, place in enumerate(places)}
    asked_as = "query" if "query" in model.prompts else None
    shares: list[float] = []
    times: dict[str, list[float]] = {"dense": [], "text": [], "hybrid": [], "flat, numpy": []}
    for question in questions:
        found: list[int] = []
        for mode in ("dense", "text", "hybrid"):
            start = time.perf_counter()
            hits = index.search(question, top_k=TOP, mode=mode)
            times[mode].append(time.perf_counter() - start)
            if mode == "dense":
                found = [rank[hit.path, hit.number] for hit in hits]
        start = time.perf_counter()
        scores = vectors @ model.encode([question], prompt=asked_as)[0]
        best = np.argpartition(-scores, TOP)[:TOP]
        times["flat, numpy"].append(time.perf_counter() - start)
        # Of passages that are equally near any will do.
        shares.append(float((scores[found] >= scores[best].min() - 1e-3).sum()) / TOP)
    result = {
        "passages": len(places),
        "model": asked.model,
        "build seconds": round(built, 1),
        "passages a second": round(len(places) / built),
        "peak memory GB": round(peak, 2),
        "disk MB": round(disk, 1),
        "recall@10 of dense": round(float(np.mean(shares)), 4),
        "median ms": {name: median_ms(values) for name, values in times.items()},
    }
    if asked.bm25s:
        import bm25s

        began = time.perf_counter()
        other = bm25s.BM25()
        other.index([terms(text).split() for text in texts], show_progress=False)
        result["bm25s: build seconds"] = round(time.perf_counter() - began, 1)
        their = []
        for question in questions:
            start = time.perf_counter()
            other.retrieve([query_terms(question).split()], k=TOP, show_progress=False)
            their.append(time.perf_counter() - start)
        result["bm25s: median ms"] = median_ms(their)
    print(json.dumps(result, indent=1))
    Path(asked.into).parent.mkdir(parents=True, exist_ok=True)
    Path(asked.into).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
