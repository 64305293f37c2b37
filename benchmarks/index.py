"""An index of many passages: how long it takes to make, how much disk, how fast questions are answered,
and how many of the true ten nearest the inverted file finds.

The truth is every product, computed with numpy on the vectors that the index stores. With `--bm25s` the same
texts and questions by bm25s, in turns with ours (pip install bm25s). With `--stores` the same vectors in LanceDB's
table by itself, in Chroma (HNSW) and in Qdrant's local mode, which compares all (pip install chromadb qdrant-client):
seconds to put them in, milliseconds of a question whose vector is there, and recall.

python benchmarks/index.py ../shared/data/monolingual/common_voice.tsv.xz --columns lang,text --rows 1000000
python benchmarks/index.py ../shared/data/monolingual/common_voice.tsv.xz --columns lang,text --rows 200000 --stores
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import lusifer
from lusifer.data import read_rows
from lusifer.search.query import probes
from lusifer.text import query_terms, terms

QUESTIONS, TOP = 200, 10


LOCAL = 10_000  # vectors that Qdrant's local mode is given at most
Ask = Callable[[Any], list[int]]


def lancedb_alone(vectors: Any, rows: Any, folder: Path) -> Ask:
    """Our own table, asked without marking, languages or filters."""

    def ask(question: Any) -> list[int]:
        found = rows.search(question, vector_column_name="vector").distance_type("dot")
        near = found.nprobes(probes(rows)).select(["path", "_distance"]).limit(TOP)
        return [int(row["path"].removeprefix("text:")) for row in near.to_list()]

    return ask


def chroma(vectors: Any, rows: Any, folder: Path) -> Ask:
    import chromadb

    client = chromadb.PersistentClient(path=str(folder))
    made = client.create_collection("passages", metadata={"hnsw:space": "ip"})
    for start in range(0, len(vectors), 5000):
        part = vectors[start : start + 5000]
        made.add(ids=[str(start + i) for i in range(len(part))], embeddings=part)
    return lambda question: [
        int(i) for i in made.query(query_embeddings=[question], n_results=TOP)["ids"][0]
    ]


def qdrant(vectors: Any, rows: Any, folder: Path) -> Ask:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(folder))
    how = models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT)
    client.create_collection("passages", vectors_config=how)
    client.upload_collection("passages", vectors=vectors, ids=range(len(vectors)), batch_size=1000)
    return lambda question: [
        point.id for point in client.query_points("passages", query=question, limit=TOP).points
    ]


def stores(vectors: Any, rows: Any, questions: Any) -> dict[str, Any]:
    """The same vectors, whose numbers are their ids, in other stores; those that are not installed are
    left out.
    """
    found: dict[str, Any] = {}
    for store in (lancedb_alone, chroma, qdrant):
        if store is qdrant and len(vectors) > LOCAL:
            found["qdrant"] = (
                f"not asked: its local mode takes in some 80 vectors a second, here {len(vectors):,}"
            )
            continue
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            try:
                ask = store(vectors, rows, Path(folder))
            except ModuleNotFoundError as error:
                found[store.__name__] = f"not installed ({error.name})"
                continue
            built, times, shares = time.perf_counter() - began, [], []
            for question in questions:
                start = time.perf_counter()
                near = ask(question)
                times.append(time.perf_counter() - start)
                scores = vectors @ question
                least = np.partition(scores, -TOP)[-TOP]
                shares.append(float((scores[near] >= least - 1e-3).sum()) / TOP)
            found[store.__name__] = {
                "put in, seconds": round(built, 1),
                "median ms": median_ms(times),
                "recall@10": round(float(np.mean(shares)), 4),
            }
            print(store.__name__, found[store.__name__], flush=True)
    return found


def median_ms(times: list[float]) -> float:
    return round(1000 * float(np.median(times)), 1)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("file")
    arguments.add_argument("--columns", default="text")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--model", default="static")
    arguments.add_argument("--bm25s", action="store_true")
    arguments.add_argument("--stores", action="store_true")
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
    if asked.stores:
        order_of = np.empty(len(places), dtype=np.int64)
        order_of[:] = [int(path.removeprefix("text:")) for path, _ in places]
        by_id = np.empty_like(vectors)
        by_id[order_of] = vectors
        asked_for = model.encode(questions, prompt=asked_as)
        result["stores"] = stores(by_id, index.rows, asked_for)
    print(json.dumps(result, indent=1))
    Path(asked.into).parent.mkdir(parents=True, exist_ok=True)
    Path(asked.into).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
