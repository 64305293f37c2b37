"""Does the time of what reads a text grow with its length alone? Sentences, passages, words and the rest over
texts of four lengths and of many kinds, those that a regular expression might trip over among them.

Printed is, for each function, its rate on the longest text and the worst growth of time from one length to the
next, for four times the text (4 is linear). Run: python benchmarks/splitting.py -o out.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from lusifer.text import comparable, passages, sentences, terms, unwrap, visible

LENGTHS = (62_500, 250_000, 1_000_000, 4_000_000)
UNITS = {
    "short sentences": "It says it twice. It is short. ", "dots": ".", "question marks": "?!", "lines": "\n", "blank lines": "\n \n",
    "blanks": " ", "one word": "a", "Thai": "กข ", "Han": "字", "Hindi": "यह पहला है। ", "hyphens": "a-\n", "accents": "a\u0301",
    "joiners": "\u200b", "emoji": "👩‍🚀", "quotes": '."', "abbreviations": "Mr. ", "Persian": "می\u200cروم ", "Korean": "학교를 ",
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[str], object]] = {
    "sentences": sentences, "passages": lambda text: list(passages(text)), "terms": terms, "unwrap": unwrap,
    "visible": visible, "comparable": comparable,
}  # fmt: skip


def seconds(function: Callable[[str], object], text: str) -> float:
    """The time of one call."""
    begun = time.perf_counter()
    function(text)
    return time.perf_counter() - begun


def main() -> None:
    """Print a line a function, and write all times as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out")
    args = parser.parse_args()
    times = {
        name: {
            kind: [seconds(function, unit * (length // len(unit)) + "x") for length in LENGTHS]
            for kind, unit in UNITS.items()
        }
        for name, function in FUNCTIONS.items()
    }
    for name, kinds in times.items():
        slowest = max(kinds, key=lambda kind: kinds[kind][-1])
        growth = {kind: row[-1] / max(row[-2], 0.002) for kind, row in kinds.items()}
        worst = max(growth, key=lambda kind: growth[kind])
        rate = LENGTHS[-1] / kinds[slowest][-1] / 1e6
        print(
            f"{name}: {rate:.1f} million characters a second at least ({slowest}); time grows {growth[worst]:.1f} times at most ({worst})"
        )
    if args.out:
        Path(args.out).write_text(json.dumps(times, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
