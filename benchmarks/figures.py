"""A model card's figures: means, and a row a language, from what `lusifer evaluate … -o SCORES` wrote.

python benchmarks/figures.py out/eval/default.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lusifer.evaluate.report import means
from lusifer.evaluate.scores import Score

COLUMNS = (
    ("tatoeba", "to English"),
    ("tatoeba", "from English"),
    ("ntrex", "to English"),
    ("xquad", "nDCG@10 English"),
    ("xquad", "nDCG@10 own"),
    ("sib200", "accuracy"),
)


def main(file: str) -> None:
    scores = [Score(**s) for s in json.loads(Path(file).read_text(encoding="utf-8"))["scores"]]
    print("| task | languages | metric | mean | n |\n|---|---|---|--:|--:|")
    for task, which, metric, value, n in means(scores):
        print(f"| {task} | {which} | {metric} | {value:.3f} | {n} |".replace(" 0.", " ."))
    found = {(s.task, s.metric, s.language): s for s in scores}
    columns = [c for c in COLUMNS if any(key[:2] == c for key in found)]
    print("\n| language | " + " | ".join(f"{task} {metric}" for task, metric in columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for language in sorted({s.language for s in scores if any((s.task, s.metric) == c for c in columns)}):
        cells = [cell(found.get((task, metric, language))) for task, metric in columns]
        print(f"| {language} | " + " | ".join(cells) + " |")


def cell(score: Score | None) -> str:
    """The value, half its interval's width, and the number of examples."""
    if score is None:
        return ""
    return f"{score.value:.3f} ± {(score.high - score.low) / 2:.3f} ({score.n})".replace("0.", ".")


if __name__ == "__main__":
    main(sys.argv[1])
