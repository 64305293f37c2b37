"""Pairs of labelled texts: two of one label are alike, two of different labels are not.

Method: each text beside `LIKE` others of its label, graded 1, and as many of other labels, graded 0, drawn
by the text's place (SetFit, Tunstall et al. 2022, arXiv 2209.11055). A model tuned on their order
(the term `cosent`) puts texts of one label together, and a classifier of its vectors needs few examples.
Cost: all texts are held in memory, and 2 `LIKE` pairs a text are trained. It was measured with eight
texts a label (docs/LOG.md); English texts alone cost the other languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

LIKE = 8


def labelled_pairs(
    rows: Iterable[tuple[str, str]],
) -> Iterator[tuple[tuple[str, str], list[float]]]:
    """Graded pairs of labelled texts.

    Args:
        rows: texts and their labels. A text that stands there again, whatever its label, counts once.

    Returns:
        Two texts, and [1.0] where they have one label, [0.0] where not; the same each time. None
        where there is one label alone.
    """
    labels: dict[str, str] = {}
    for text, label in rows:
        labels.setdefault(text, label)
    of: dict[str, list[str]] = {}
    for text, label in labels.items():
        of.setdefault(label, []).append(text)
    if len(of) < 2:
        return
    at = {text: place for texts in of.values() for place, text in enumerate(texts)}
    others = {label: [text for text in labels if labels[text] != label] for label in of}
    for place, (text, label) in enumerate(labels.items()):
        rng = np.random.default_rng(place)
        like = _Without(of[label], at[text])
        for k in _drawn(rng, len(like)):
            yield (text, like[k]), [1.0]
        for k in _drawn(rng, len(others[label])):
            yield (text, others[label][k]), [0.0]


class _Without:
    """A list without one of its items, which is not copied for it."""

    def __init__(self, items: list[str], gap: int) -> None:
        self.items, self.gap = items, gap

    def __len__(self) -> int:
        return len(self.items) - 1

    def __getitem__(self, place: int) -> str:
        return self.items[place + (place >= self.gap)]


def _drawn(rng: np.random.Generator, count: int) -> list[int]:
    """`LIKE` different places, or all where there are no more."""
    return [int(k) for k in rng.choice(count, min(LIKE, count), replace=False)]
