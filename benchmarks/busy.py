"""Embedding while other processes hold some of the cores: sentence-transformers and this package in
turn, each in a process of its own, and the model that comes along with its threads spinning or not.

python benchmarks/busy.py --model out/multilingual-e5-small --texts texts.txt --jobs 1
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from lusifer.io.files import write_json

LOAD = "import numpy as np\nwhile True: np.ones((512, 512)) @ np.ones((512, 512))"
START = """
import json, sys, time
texts = open(sys.argv[1], encoding="utf-8").read().splitlines()
"""
RATES = """
rates, begun = [], time.monotonic()
while len(rates) < 3 and (not rates or time.monotonic() - begun < 30):
    start = time.monotonic()
    encode(texts)
    rates.append(len(texts) / (time.monotonic() - start))
print(json.dumps(rates))
"""
LIBRARY = """
import torch
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[2])
def encode(texts):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model.encode(texts, batch_size=64)
"""
OURS = """
import lusifer
encode = lusifer.load(sys.argv[2], bf16=True).encode
"""
DEFAULT = """
import lusifer
encode = lusifer.load().encode
"""
SPINNING = """
import onnxruntime
class Spinning(onnxruntime.SessionOptions):
    def add_session_config_entry(self, name, value):
        pass
onnxruntime.SessionOptions = Spinning
"""
ARMS: dict[str, tuple[str, dict[str, str]]] = {
    "sentence-transformers, one thread": (LIBRARY, {"OMP_NUM_THREADS": "1"}),
    "sentence-transformers": (LIBRARY, {}),
    "lusifer in Python": (OURS, {}),
    "lusifer's command": (OURS, {"GOMP_SPINCOUNT": "1000"}),  # what `lusifer.cli.main` sets
    "default, spinning": (SPINNING + DEFAULT, {}),
    "default": (DEFAULT, {}),
}


def measured(arm: str, model: str, texts: str) -> list[float]:
    """Texts a second of each pass, the first one too: it is where threads step down."""
    script, environment = ARMS[arm]
    plain = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + script + RATES, texts, model],
        capture_output=True,
        text=True,
        check=True,
        env=plain | environment,
    )
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", required=True, help="a text file, one text a line")
    parser.add_argument("--jobs", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--into", default="out/benchmarks/busy.json")
    asked = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    for jobs in asked.jobs:
        single = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        load = [subprocess.Popen([sys.executable, "-c", LOAD], env=single) for _ in range(jobs)]
        try:
            rates = {arm: measured(arm, asked.model, asked.texts) for arm in ARMS}
        finally:
            for process in load:
                process.kill()
        results[str(jobs)] = {arm: statistics.median(found) for arm, found in rates.items()}
        for arm, found in rates.items():
            passes = ", ".join(f"{rate:,.0f}" for rate in found)
            print(f"{jobs} other jobs, {arm}: {passes} texts a second", flush=True)
        own, theirs = (
            results[str(jobs)][name] for name in ("lusifer's command", "sentence-transformers")
        )
        print(f"{jobs} other jobs: {own / theirs:.2f} times sentence-transformers", flush=True)
    write_json(asked.into, results)


if __name__ == "__main__":
    main()
