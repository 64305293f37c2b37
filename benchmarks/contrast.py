"""The contrastive loss beside sentence-transformers': peak memory and seconds a step, by batch
size; one process a figure, interleaved.

Twice: the loss and its gradients by given vectors of 384 numbers; and a whole training step of
models/encoder-29m on texts of 16 tokens. Memory is the process's peak above what it held before the
first step, on a GPU the allocator's. A loss that would need more than `--memory` is left out, and
said; on a GPU it is tried, and what does not fit is said.

    python benchmarks/contrast.py -o out/benchmarks/contrast.json
    python benchmarks/contrast.py --device cuda --models vectors --sizes 65536
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WAYS = ("plain", "cached", "ours")
SIZES = {"vectors": (1024, 4096, 16384, 65536), "encoder": (256, 1024, 4096, 16384)}
TOKENS, WIDTH, MINI, MEMORY = 16, 384, {"vectors": 1024, "encoder": 128}, 14.0


def one(model_name: str, way: str, size: int, steps: int, device: str) -> dict[str, float]:
    """Seconds a step (the median) and gigabytes, of one loss in this process."""
    import torch
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MultipleNegativesRankingLoss,
    )

    import lusifer
    from lusifer.training.loop import attention_for_training
    from lusifer.training.losses.contrastive import ContrastiveLoss
    from lusifer.training.losses.info_nce import InfoNCE

    torch.manual_seed(0)
    mini = MINI[model_name]
    from sentence_transformers import SentenceTransformer
    from torch import nn

    whole = model_name == "encoder"  # given vectors pass through no model
    model: Any = (
        lusifer.sentence_transformer("models/encoder-29m", device=device)
        if whole
        else SentenceTransformer(modules=[nn.Identity()])
    )
    model.train()
    features: list[dict[str, torch.Tensor]] = []
    vectors: list[torch.Tensor] = []
    if model_name == "vectors":
        vectors = [torch.randn(size, WIDTH, device=device).requires_grad_() for _ in range(2)]
    else:
        features = [
            {
                "input_ids": torch.randint(10, 60000, (size, TOKENS)),
                "attention_mask": torch.ones(size, TOKENS, dtype=torch.long),
            }
            for _ in range(2)
        ]
        features = [{k: v.to(device) for k, v in f.items()} for f in features]
    if way == "plain":
        loss: Any = MultipleNegativesRankingLoss(model, scale=50)
    elif way == "cached":
        loss = CachedMultipleNegativesRankingLoss(model, scale=50, mini_batch_size=mini)
    else:
        loss = ContrastiveLoss(model, [InfoNCE(temperature=0.02, mask=None)], mini_batch_size=mini)
    chunks = [[v] if way != "cached" else list(v.split(mini)) for v in vectors]
    gpu = device != "cpu"
    held = held_before(gpu)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        with attention_for_training():
            if chunks:
                loss.calculate_loss(
                    chunks, None, with_backward=True
                ) if way == "cached" else _plain(loss, way, chunks)
            else:
                loss([dict(f) for f in features], None).backward()
        if gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        model.zero_grad()
    peak = torch.cuda.max_memory_allocated() / 2**30 if gpu else memory("VmHWM") / 2**20
    return {"seconds": statistics.median(times), "gb": peak - held}


def held_before(gpu: bool) -> float:
    """Gigabytes that are held now; the peak so far, of loading the model, is forgotten (Linux)."""
    import torch

    if gpu:
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**30
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS") / 2**20


def memory(name: str) -> int:
    """Kilobytes that the process holds (VmRSS) or held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def _plain(loss: Any, way: str, chunks: list[Any]) -> None:
    made = (
        loss.calculate_loss(chunks)
        if way == "ours"
        else loss.compute_loss_from_embeddings([c[0] for c in chunks], None)
    )
    made.backward()


def needed(model: str, way: str, size: int) -> float:
    """Gigabytes that a loss is known to need: four matrices of scores, and activations of all texts
    at once.
    """
    scores = 4 * size * size * 4 if way == "plain" else 0
    activations = 2 * size * TOKENS * 3 * WIDTH * 40 if way == "plain" and model == "encoder" else 0
    return (scores + activations) / 2**30


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--memory", type=float, default=MEMORY, help="gigabytes that one process may take"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", default="vectors,encoder")
    parser.add_argument("--sizes", help="instead of each model's own, e.g. 1024,4096")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("-o", "--into", default="out/benchmarks/contrast.json")
    options = parser.parse_args()
    if options.one:
        model, way, size = options.one
        print(json.dumps(one(model, way, int(size), options.steps, options.device)))
        return
    rows = []
    for model in options.models.split(","):
        for size in map(int, options.sizes.split(",")) if options.sizes else SIZES[model]:
            found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(options.rounds):
                for way in WAYS:
                    if options.device == "cpu" and needed(model, way, size) > options.memory:
                        continue
                    command = [
                        sys.executable,
                        "-W",
                        "ignore",
                        __file__,
                        "--steps",
                        str(options.steps),
                        "--device",
                        options.device,
                    ]
                    command += ["--one", model, way, str(size)]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    if done.returncode:
                        print(
                            f"{model} {way} {size}: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}"
                        )
                        continue
                    found[way].append(json.loads(done.stdout.strip().splitlines()[-1]))
            row: dict[str, Any] = {"model": model, "batch": size}
            for way in WAYS:
                if found[way]:
                    row[way] = {
                        key: statistics.median(f[key] for f in found[way])
                        for key in ("seconds", "gb")
                    }
            rows.append(row)
            print(line(row), flush=True)
    from lusifer.io.files import write_json

    write_json(
        options.into,
        {"steps": options.steps, "rounds": options.rounds, "tokens": TOKENS, "rows": rows},
    )


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    cells = [
        f"{way} {row[way]['seconds']:8.2f} s {row[way]['gb']:7.3f} GB"
        if way in row
        else f"{way} (left out)"
        for way in WAYS
    ]
    ours = row.get("ours")
    ratios = ""
    if ours and "plain" in row:
        ratios += f"  memory ours/plain {ours['gb'] / row['plain']['gb']:.3f}"
    if ours and "cached" in row:
        ratios += f"  time ours/cached {ours['seconds'] / row['cached']['seconds']:.2f}"
    return f"{row['model']:8} {row['batch']:6} " + " | ".join(cells) + ratios


if __name__ == "__main__":
    main()
