"""Hard-negative mining beside sentence-transformers' `mine_hard_negatives`: the same negatives,
seconds, and peak memory.

Pairs are the English and other side of the parallel TRAIN files, as a query and its document;
further passages fill the corpus up. Each miner runs in a process of its own, in turn; memory is its
peak above what it held when the model was loaded. Two models: the default's table in
sentence-transformers' own StaticEmbedding (what is measured is the search), and models/encoder-29m
(embedding too). `million` is ours alone, by the table, in a million passages.

    python benchmarks/negatives.py --suite ../shared/data -o out/benchmarks/negatives.json
    python benchmarks/negatives.py --models million --rounds 1
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SETTINGS = {"relative_margin": 0.05, "num_negatives": 7}
SIZES = {
    "table": (6_000, 200_000),
    "encoder": (2_000, 20_000),
    "million": (4_000, 1_000_000),
}  # queries, passages


def prepare(suite: Path, folder: Path, queries: int, passages: int) -> None:
    """`pairs.jsonl` and `corpus.txt`."""
    from lusifer.data.sources import Source, read_source

    few = (
        "parallel/gnome_user_docs.tsv.xz",
        "parallel/mlqe_pe.tsv.xz",
        "parallel/nllb_seed.tsv.xz",
    )
    files, exclude = (
        (few, ()) if passages <= 200_000 else (("parallel/*.tsv.xz",), ("parallel/bible_*",))
    )
    source = Source(files, ("language", "english", "text"), exclude)
    rows = list({(r.values["english"], r.values["text"]): None for r in read_source(source, suite)})
    step = max(1, len(rows) // queries)
    pairs = [row for row in rows[::step] if row[0] != row[1]][:queries]
    texts = list(
        dict.fromkeys(text for row in rows for text in (row[1], row[0]) if "\n" not in text)
    )[:passages]
    (folder / "pairs.jsonl").write_text(
        "".join(json.dumps({"query": q, "document": d}) + "\n" for q, d in pairs), encoding="utf-8"
    )
    (folder / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")


def model_of(name: str, folder: Path) -> str:
    """The model's folder; the table is written once."""
    if name == "encoder":
        return "models/encoder-29m"
    made = folder / "table-model"
    if not made.exists():
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

        import lusifer

        default: Any = lusifer.load("static")
        table = StaticEmbedding(
            default.tokenizer,
            embedding_weights=default.rows.astype("float32") * default.scale[:, None],
        )
        SentenceTransformer(modules=[table, Normalize()], device="cpu").save(str(made))
    return str(made)


def one(way: str, model_folder: str, folder: Path) -> dict[str, Any]:
    """Mine in this process; writes what was found as `WAY.json`."""
    from contrast import memory

    pairs = [
        json.loads(line)
        for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    found: dict[str, list[str]] = {}
    if way == "ours":
        from lusifer.curation import CurationReport, Mining
        from lusifer.curation.negatives import mine
        from lusifer.curation.pairs import read_pairs, read_passages
        from lusifer.models.load import LoadedModel

        named = LoadedModel.load(model_folder)
        named.embedder.encode(["warm"])
        del pairs
        before = _start()
        start = time.perf_counter()
        report = CurationReport("negatives", {})
        into = folder / "ours.jsonl"
        rows = read_pairs([str(folder / "pairs.jsonl")], None, {}, report)
        mine(
            rows,
            named,
            into,
            Mining(**SETTINGS),
            report,
            corpus=read_passages([str(folder / "corpus.txt")], {}),
        )  # type: ignore[arg-type]
        seconds, peak = time.perf_counter() - start, memory("VmHWM") - before
        for line in into.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[f"{row['query']}\t{row['document']}"] = [
                row["negative" if n == 1 else f"negative_{n}"] for n in range(1, 8)
            ]
    else:
        from datasets import Dataset
        from sentence_transformers.util import mine_hard_negatives

        import lusifer

        model = lusifer.sentence_transformer(model_folder, device="cpu")
        model.encode(["warm"])
        before = _start()
        start = time.perf_counter()
        corpus = (folder / "corpus.txt").read_text(encoding="utf-8").splitlines()
        data = Dataset.from_dict({name: [p[name] for p in pairs] for name in ("query", "document")})
        mined = mine_hard_negatives(
            data, model, corpus=corpus, output_format="n-tuple", verbose=False, **SETTINGS
        )  # type: ignore[arg-type]
        seconds, peak = time.perf_counter() - start, memory("VmHWM") - before
        for row in mined:
            found[f"{row['query']}\t{row['document']}"] = [
                row[f"negative_{n}"] for n in range(1, 8)
            ]
    (folder / f"{way}.json").write_text(json.dumps(found), encoding="utf-8")
    return {"seconds": seconds, "gb": peak / 2**20, "rows": len(found)}


def _start() -> int:
    from contrast import memory

    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def same(folder: Path) -> float:
    """The share of negatives that both found, over the rows that both have."""
    ours, theirs = (
        json.loads((folder / f"{way}.json").read_text(encoding="utf-8"))
        for way in ("ours", "theirs")
    )
    both = ours.keys() & theirs.keys()
    return sum(len(set(ours[k]) & set(theirs[k])) for k in both) / (7 * max(len(ours), len(theirs)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="../shared/data", type=Path)
    parser.add_argument("--models", default="table,encoder")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("-o", "--into", default="out/benchmarks/negatives.json")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one[0], options.one[1], Path(options.one[2]))))
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="lusifer-mining-") as aside:
        for model in options.models.split(","):
            folder = Path(aside) / model
            folder.mkdir()
            prepare(options.suite, folder, *SIZES[model])
            where = model_of(model, Path(aside))
            found: dict[str, list[dict[str, Any]]] = (
                {"ours": []} if model == "million" else {"theirs": [], "ours": []}
            )
            for _ in range(options.rounds):
                for way in found:
                    command = [
                        sys.executable,
                        "-W",
                        "ignore",
                        __file__,
                        "--one",
                        way,
                        where,
                        str(folder),
                    ]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    if done.returncode:
                        raise SystemExit(f"{way}: {done.stderr.strip()[-800:]}")
                    found[way].append(json.loads(done.stdout.strip().splitlines()[-1]))
            row: dict[str, Any] = {
                "model": model,
                "queries": SIZES[model][0],
                "passages": SIZES[model][1],
            }
            for way, runs in found.items():
                row[way] = {
                    key: statistics.median(run[key] for run in runs)
                    for key in ("seconds", "gb", "rows")
                }
            rows.append(row)
            if "theirs" not in row:
                print(f"{model}: {json.dumps(row)}", flush=True)
                continue
            row["same"] = same(folder)
            speed, room = (
                row["theirs"]["seconds"] / row["ours"]["seconds"],
                row["ours"]["gb"] / row["theirs"]["gb"],
            )
            print(
                f"{model}: {json.dumps(row)}\n  {speed:.2f} times as fast, {room:.3f} of the memory, {row['same']:.4f} the same",
                flush=True,
            )
    from lusifer.io.files import write_json

    write_json(options.into, {"rounds": options.rounds, "rows": rows})


if __name__ == "__main__":
    main()
