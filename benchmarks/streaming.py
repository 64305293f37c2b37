"""What a training run of many pairs holds in memory, and how long it takes to begin.

Writes so many pairs (different texts of a dozen words), trains the static table that comes along on them for a few
steps, and prints the peak of the process and the seconds that it took. Everything else that a run holds is its model and
its batch (`benchmarks/training.py`).

    python benchmarks/streaming.py --rows 10000000
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = [
    a + b
    for a in ("ba", "ke", "lo", "mi", "nu", "pra", "shi", "tur")
    for b in ("n", "rt", "sol", "vek")
]


def write(file: Path, rows: int) -> None:
    """Pairs of different texts."""
    draw = random.Random(0)
    with file.open("w", encoding="utf-8") as stream:
        for number in range(rows):
            words = draw.choices(WORDS, k=24)
            stream.write(f"{number} {' '.join(words[:10])}\t{' '.join(words[10:])} {number}\n")


def child(file: Path) -> None:
    """Train in this process, and say what it took."""
    import lusifer

    begin = time.monotonic()
    lusifer.train(
        {
            "stage": "contrastive",
            "output": str(file.parent / "made"),
            "base": "static",
            "batch_size": 1024,
            "negatives": 0,
            "data": {"sources": [{"files": [str(file)], "columns": ["query", "document"]}]},
            "optim": {"steps": 5, "log_every": 1, "workers": 0},
        }
    )
    log = [
        json.loads(line) for line in (file.parent / "made" / "log.jsonl").read_text().splitlines()
    ]
    steps = [line["seconds"] for line in log if "loss" in line]
    print(
        "FOUND",
        json.dumps(
            {
                "seconds": time.monotonic() - begin,
                "five_steps_s": steps[-1] - steps[0],
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            }
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("-o", "--out", default="out/benchmarks/streaming.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(Path(chosen.child))
        return
    from lusifer.io.files import write_json

    found = []
    for rows in chosen.rows:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pairs.tsv"
            write(file, rows)
            run = subprocess.run(
                [sys.executable, sys.argv[0], "--child", str(file)], capture_output=True, text=True
            )
            if run.returncode:
                raise SystemExit(run.stderr)
            size = file.stat().st_size / 1e9
            found.append(
                {"rows": rows, "file_gb": size} | json.loads(run.stdout.split("FOUND")[-1])
            )
            print(json.dumps(found[-1]))
    write_json(chosen.out, {"runs": found})


if __name__ == "__main__":
    main()
