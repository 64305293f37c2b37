"""What a vocabulary trimmed to N languages saves, and what it costs each of them.

For each N: pieces, MB on disk, memory of a process that embeds 64 texts, tokens a text and texts spelt
as before (held out of the corpus), and Tatoeba (foreign sentence -> its English one among up to 1,000)
of the whole model and of the trimmed one on the same languages, with the interval of their difference.
Languages are those with most text in the corpus among Tatoeba's; English is always one of them.

python benchmarks/trim.py ../shared/data --model intfloat/multilingual-e5-small
"""

from __future__ import annotations

import argparse
import collections
import json
import lzma
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

import lusifer
from lusifer.text import ENGLISH

CORPORA = ("common_voice", "ud", "udhr")
MEMORY = """
import re, sys
import lusifer
lusifer.load(sys.argv[1]).encode(["A storm is coming from the western hills."] * 64)
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def languages(data: Path, files: list[Path]) -> list[str]:
    """Those that corpora and Tatoeba have, the one with most sentences first."""
    with lzma.open(data / "bitext_eval" / "tatoeba.tsv.xz", "rt", encoding="utf-8") as opened:
        judged = {line.split("\t", 1)[0] for line in opened}
    there: collections.Counter[str] = collections.Counter()
    for file in files:
        with lzma.open(file, "rt", encoding="utf-8") as opened:
            there.update(line.split("\t", 1)[0] for line in opened)
    return [code for code, _ in there.most_common() if code in judged and code != ENGLISH]


def memory(model: str | Path) -> float:
    """The most memory, in MB, of a process that embeds 64 texts. Of the process itself: what `getrusage`
    tells of a child holds that of its parent.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(model)], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]) / 1024


def tatoeba(model: str | Path, data: Path, asked: list[str]) -> dict[str, float]:
    """Accuracy by language."""
    scores = lusifer.evaluate(lusifer.load(model), data, ["tatoeba"], asked)
    return {s.language: s.value for s in scores if s.metric == "to English"}


def main(data: Path, model: str, sizes: list[int], into: Path) -> dict[str, Any]:
    files = [data / "monolingual" / f"{name}.tsv.xz" for name in CORPORA]
    known = languages(data, files)
    before = into / "whole.json"  # it takes longest, and a stopped run goes on behind it
    if not before.exists():
        before.write_text(json.dumps(tatoeba(model, data, known[: max(sizes)])), encoding="utf-8")
    whole = json.loads(before.read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = [
        {"languages": "all", "MB": None, "memory": round(memory(model)), "tatoeba": round(fmean(whole.values()), 4)}
    ]  # fmt: skip
    for size in sizes:
        asked = known[:size]
        folder = into / f"{min(size, len(asked))}"
        shutil.rmtree(folder, ignore_errors=True)
        report = lusifer.trim_vocabulary(
            model, folder, [str(file) for file in files], languages=[*asked, ENGLISH], language="language",
            columns=["language", "text"], measured=20,
        )  # fmt: skip
        small = tatoeba(folder, data, asked)
        change = np.array([small[code] - whole[code] for code in small])
        rng = np.random.default_rng(0)
        draws = [rng.choice(change, len(change)).mean() for _ in range(1000)]
        judged = [one for one in report.languages if one.measured]
        worst = sorted(small, key=lambda code: small[code] - whole[code])[:3]
        rows[0]["MB"] = round(report.size[0] / 1e6)
        rows.append(
            {
                "languages": len(asked),
                "pieces": report.pieces[1],
                "MB": round(report.size[1] / 1e6),
                "memory": round(memory(folder)),
                "tokens": [round(fmean(getattr(one, name) for one in judged), 2) for name in ("tokens_before", "tokens_after")],
                "spelt as before": round(fmean(one.same for one in judged), 3),
                "cosine": round(fmean(one.cosine for one in judged), 4),
                "tatoeba": [round(fmean(whole[code] for code in small), 4), round(fmean(small.values()), 4)],
                "change": [round(float(x), 4) for x in (change.mean(), *np.quantile(draws, [0.025, 0.975]))],
                "worst": {code: [round(whole[code], 3), round(small[code], 3)] for code in worst},
            }
        )  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
        (into / "trim.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return {"model": model, "rows": rows}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="intfloat/multilingual-e5-small")
    parser.add_argument("--sizes", default="1,10,30,100")
    parser.add_argument("--into", type=Path, default=Path("out/trim"))
    args = parser.parse_args()
    args.into.mkdir(parents=True, exist_ok=True)
    print(
        json.dumps(
            main(args.data, args.model, [int(n) for n in args.sizes.split(",")], args.into),
            indent=1,
        )
    )
