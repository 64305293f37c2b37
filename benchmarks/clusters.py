"""Topics of many texts: how long they take, and how much memory.

python benchmarks/clusters.py ../shared/data/monolingual/common_voice.tsv.xz --columns lang,text --rows 1000000
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import time
from pathlib import Path

import numpy as np

import lusifer
from lusifer.data import read_rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("file")
    arguments.add_argument("--columns", default="text")
    arguments.add_argument("--language", default="lang")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--model", default="static")
    arguments.add_argument("--method", default="topics")
    arguments.add_argument("--into", default="out/clusters.json")
    asked = arguments.parse_args()

    rows = itertools.islice(read_rows(asked.file, asked.columns.split(",")), asked.rows)
    texts, languages = [], []
    for row in rows:
        texts.append(row.values["text"])
        languages.append(row.values.get(asked.language, ""))
    began = time.perf_counter()
    vectors = lusifer.load(asked.model).encode(texts)
    encoded = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    near: list[float] = []
    settings = lusifer.ClusterSettings(method=asked.method)
    found = lusifer.cluster_vectors(
        vectors,
        settings,
        languages=languages,
        tell=lambda done, total: near.append(time.perf_counter()),
    )
    ended = time.perf_counter()
    sizes = np.bincount(found.cluster[found.cluster >= 0])
    result = {
        "texts": len(texts),
        "model": asked.model,
        "method": asked.method,
        "encoding seconds": round(encoded - began, 1),
        "neighbours seconds": round(near[-1] - encoded, 1) if near else 0.0,
        "clusters seconds": round(ended - (near[-1] if near else encoded), 1),
        "memory GB": {
            "with the vectors": round(before, 2),
            "at the most": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        },
        "clusters": len(found),
        "largest": [int(size) for size in sizes[:5]],
    }
    print(json.dumps(result, indent=1))
    Path(asked.into).parent.mkdir(parents=True, exist_ok=True)
    Path(asked.into).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
