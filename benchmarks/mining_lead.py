"""How many pairs mining finds in files without translations, and which of half-parallel files it finds.

Each language's Tatoeba sentences and their English, in an order by a fixed seed: files of `--lines` lines
without a translation between them (the English of other sentences), and files of which half have theirs. Kept
is what leads by `lusifer.search.LEAD`, as `lusifer mine` does. Sentences that Tatoeba holds twice, in other words,
count as wrong. Run: python benchmarks/mining_lead.py ../shared/data/bitext_eval/tatoeba.tsv.xz -o out.json
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
from collections import defaultdict
from pathlib import Path

import lusifer
from lusifer.models import Vectors
from lusifer.search import LEAD, mine_bitext


def kept(x: Vectors, y: Vectors) -> set[tuple[int, int]]:
    """The pairs that `lusifer mine` would write."""
    return {(pair.first, pair.second) for pair in mine_bitext(x, y) if pair.lead >= LEAD}


def main() -> None:
    """Print a line a language, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("-m", "--model", default="default")
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("-o", "--out")
    args = parser.parse_args()
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with lzma.open(args.file, "rt", encoding="utf-8") as stream:
        for line in stream:
            language, _, english, text = line.rstrip("\n").split("\t")
            pairs[language].append((text, english))
    model, n, half = lusifer.load(args.model), args.lines, args.lines // 2
    result = {}
    for language, own in sorted(pairs.items()):
        random.Random(1).shuffle(own)
        if len(own) < 2 * n:
            continue
        x = model.encode([text for text, _ in own[:n]])
        y = model.encode([english for _, english in own[: 2 * n]])
        right = {(i, i) for i in range(half)}
        found = kept(x, y[[*range(half), *range(n, 2 * n - half)]])
        result[language] = {
            "pairs of unrelated lines": len(kept(x, y[n:])) / n,
            "precision": len(found & right) / max(1, len(found)),
            "recall": len(found & right) / half,
        }
    means = {
        name: sum(row[name] for row in result.values()) / len(result)
        for name in next(iter(result.values()))
    }
    for language, row in {**result, "mean": means}.items():
        print(language, *(f"{name} {value:.3f}" for name, value in row.items()))
    over = [k for k, row in result.items() if row["pairs of unrelated lines"] > 0.05]
    print(
        f"more than 5 pairs of 100 unrelated lines: {len(over)} of {len(result)} ({', '.join(over)})"
    )
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
