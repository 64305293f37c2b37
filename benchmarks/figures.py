"""A model card's figures: means, and a row a language, from what `lusifer evaluate` keeps of a
model.

python benchmarks/figures.py out/results/default-3d3d1f9e
"""

from __future__ import annotations

import sys
from pathlib import Path

from lusifer.evaluation.compare import compare
from lusifer.evaluation.outcomes import read_outcomes
from lusifer.evaluation.report.tables import markdown
from lusifer.evaluation.scores import Score

COLUMNS = (
    ("tatoeba", "to English"),
    ("tatoeba", "from English"),
    ("ntrex", "to English"),
    ("xquad", "nDCG@10 English"),
    ("xquad", "nDCG@10 own"),
    ("sib200", "accuracy English"),
)


def main(folder: str) -> None:
    outcomes = read_outcomes(Path(folder))
    print(markdown(compare({Path(folder).name: outcomes}), [Path(folder).name]))
    scores = [score for outcome in outcomes for score in outcome.scores]
    found = {(s.task, s.metric, s.language): s for s in scores}
    columns = [c for c in COLUMNS if any(key[:2] == c for key in found)]
    print("\n| language | " + " | ".join(f"{task} {metric}" for task, metric in columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for language in sorted(
        {s.language for s in scores if any((s.task, s.metric) == c for c in columns)}
    ):
        cells = [cell(found.get((task, metric, language))) for task, metric in columns]
        print(f"| {language} | " + " | ".join(cells) + " |")


def cell(score: Score | None) -> str:
    """The value, half its interval's width, and the number of examples."""
    if score is None:
        return ""
    return f"{score.value:.3f} ± {(score.high - score.low) / 2:.3f} ({score.n})".replace("0.", ".")


if __name__ == "__main__":
    main(sys.argv[1])
