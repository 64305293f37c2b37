"""What tuning the default table on a domain's English pairs does to that domain, and to other
languages.

Data: a TRAIN file; every tenth document, with its questions, is held out, and is never trained on
here (the table itself has seen the file in an eighth of its training, so that gains are
understated). Judged by nDCG@10 of the held-out questions in all the file's documents, and on
XQuAD-R and Tatoeba as the ablations are. `soup`: the mean of the tuned table's weights and the
default's.

    python benchmarks/tune.py --suite ../shared/data --into out/tune
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from ablations import COLUMNS, T95, judge

import lusifer
from lusifer.curation import mine_negatives
from lusifer.data.sources import Source, read_source
from lusifer.evaluation.metrics import ndcg, ranks
from lusifer.io.files import write_json, write_text
from lusifer.reshaping.combine import combine
from lusifer.training.run import train

DOMAINS = {"medquad": "train_medquad_en.tsv.xz", "powershell": "train_powershell_docs_en.tsv.xz"}
RUNS = {"in-batch negatives": 0, "7 negatives": 7}


def pairs_of(suite: Path, domain: str) -> list[tuple[str, str]]:
    """The file's (question, document) pairs."""
    source = Source(
        (f"retrieval/{DOMAINS[domain]}",), ("language", "query", "document"), max_chars=2000
    )
    return [(row.values["query"], row.values["document"]) for row in read_source(source, suite)]


def held_out(document: str) -> bool:
    """Every tenth document, by its text."""
    return zlib.crc32(document.encode()) % 10 == 0


def tune(
    domain: str, negatives: int, seed: int, into: Path, steps: int, lr: float
) -> tuple[Path, float]:
    """(the tuned table's folder, seconds)."""
    columns = [
        "query",
        "document",
        *("negative" if n == 1 else f"negative_{n}" for n in range(1, negatives + 1)),
    ]
    output = into / f"{domain}-{negatives}-{steps}-{lr}-{seed}"
    recipe = {
        "stage": "contrastive",
        "output": str(output),
        "base": "static",
        "seed": seed,
        "batch_size": 512,
        "negatives": negatives,
        "loss": [{"kind": "info_nce", "temperature": 0.05}],
        "mixing": {"distinct": "pairs"},
        "data": {
            "root": str(into),
            "max_tokens": 256,
            "sources": [{"files": [f"{domain}.jsonl"], "columns": columns}],
        },
        "optim": {
            "steps": steps,
            "lr": lr,
            "weight_decay": 0.0,
            "save_every": 10_000,
            "workers": 0,
        },
    }
    write_text(output.with_suffix(".yaml"), json.dumps(recipe))
    began = time.perf_counter()
    return train(output.with_suffix(".yaml")), time.perf_counter() - began


def found(model: lusifer.Embedder, pairs: list[tuple[str, str]]) -> tuple[float, int]:
    """nDCG@10 of held-out questions among all documents, and their number."""
    documents = list(dict.fromkeys(d for _, d in pairs))
    place = {document: i for i, document in enumerate(documents)}
    answers: dict[str, list[int]] = {}
    for query, document in pairs:
        if held_out(document):
            answers.setdefault(query, []).append(place[document])
    scores = ndcg(
        ranks(model.encode(list(answers)), model.encode(documents), list(answers.values()))
    )
    return float(scores.mean()), len(scores)


def scores_of(
    model: lusifer.Embedder, pairs: list[tuple[str, str]], suite: Path
) -> dict[str, float]:
    """The domain's figure and the ablations' three."""
    own, count = found(model, pairs)
    others = judge(model, suite)
    return {"domain": own, "questions": count} | {column: others[column] for column in COLUMNS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="../shared/data", type=Path)
    parser.add_argument("--into", default="out/tune", type=Path)
    parser.add_argument("--domains", nargs="+", choices=list(DOMAINS), default=list(DOMAINS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--lr", type=float, default=1e-3)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for domain in options.domains:
        pairs = pairs_of(options.suite, domain)
        mined = options.into / f"{domain}.jsonl"
        if not mined.exists():
            plain = options.into / f"{domain}-train.jsonl"
            kept = [
                json.dumps({"query": q, "document": d}) + "\n" for q, d in pairs if not held_out(d)
            ]
            write_text(plain, "".join(kept))
            mine_negatives([str(plain)], mined, "default")
        rows.append(
            {
                "domain set": domain,
                "run": "default",
                "runs": [scores_of(lusifer.load("static"), pairs, options.suite)],
            }
        )
        for name, negatives in RUNS.items():
            own, soups = [], []
            for seed in range(options.seeds):
                folder, seconds = tune(
                    domain, negatives, seed, options.into, options.steps, options.lr
                )
                own.append(
                    scores_of(lusifer.load(folder), pairs, options.suite) | {"seconds": seconds}
                )
                soup = folder.parent / "soup"
                if not soup.exists():
                    combine(["static", folder], soup)
                soups.append(scores_of(lusifer.load(soup), pairs, options.suite))
            rows += [
                {"domain set": domain, "run": name, "runs": own},
                {"domain set": domain, "run": f"{name}, soup", "runs": soups},
            ]
            print(rows[-2], rows[-1], sep="\n", flush=True)
    write_json(options.into / "results.json", rows)
    print(
        "| domain | run | questions | domain nDCG@10 | "
        + " | ".join(COLUMNS)
        + " |\n|---|---|--:|--:|"
        + "--:|" * len(COLUMNS)
    )
    for row in rows:
        cells = []
        for column in ("domain", *COLUMNS):
            values = np.array([run[column] for run in row["runs"]])
            half = (
                f" ± {T95[len(values)] * values.std(ddof=1) / len(values) ** 0.5:.4f}"
                if len(values) > 1
                else ""
            )
            cells.append(f"{values.mean():.4f}{half}")
        print(
            f"| {row['domain set']} | {row['run']} | {row['runs'][0]['questions']:,} | "
            + " | ".join(cells)
            + " |"
        )


if __name__ == "__main__":
    main()
