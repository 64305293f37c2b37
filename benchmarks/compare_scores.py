"""Several models' scores side by side, as the Markdown tables of docs/results.md.

    python benchmarks/compare_scores.py out/eval/minilm.json out/eval/bridge.json --task tatoeba --metric "to English"

Reads what `lusifer evaluate -o FILE` wrote. One row a language, with the number of examples and the half width of the
95 % interval, and the mean over the languages that all files have.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--metric", required=True)
    chosen = parser.parse_args()
    tables = [(file.stem, read(file, chosen.task, chosen.metric)) for file in chosen.files]
    shared = sorted(set.intersection(*(set(table) for _, table in tables)))
    if not shared:
        raise SystemExit(f"no language has {chosen.task} {chosen.metric!r} in all of {', '.join(map(str, chosen.files))}")
    print("| language | n | " + " | ".join(name for name, _ in tables) + " |")
    print("|---|--:|" + "--:|" * len(tables))
    for language in shared:
        cells = (f"{s['value']:.3f} ± {(s['high'] - s['low']) / 2:.3f}" for s in (table[language] for _, table in tables))
        print(f"| {language} | {tables[0][1][language]['n']} | " + " | ".join(cells) + " |")
    means = (sum(table[x]["value"] for x in shared) / len(shared) for _, table in tables)
    print("| **mean** | | " + " | ".join(f"**{mean:.3f}**" for mean in means) + " |")


def read(file: Path, task: str, metric: str) -> dict[str, dict[str, Any]]:
    """Language → score, of one task and metric."""
    scores = json.loads(file.read_text(encoding="utf-8"))["scores"]
    return {s["language"]: s for s in scores if (s["task"], s["metric"]) == (task, metric)}


if __name__ == "__main__":
    main()
