"""Pairs of labelled texts: two of one label are alike, two of different labels are not.

Method: each text beside `LIKE` others of its label, graded 1, and as many of other labels, graded 0, drawn
by the text's place (SetFit, Tunstall et al. 2022, arXiv 2209.11055). A model tuned on their order
(the term `cosent`) puts texts of one label together, and a classifier of its vectors needs few examples.
Cost: all texts are held in memory, and 2 `LIKE` pairs a text are trained. Not for thousands of texts a
label, from which a classifier learns as much without (docs/LOG.md).
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
    texts = list(labels)
    for place, (text, label) in enumerate(labels.items()):
        rng = np.random.default_rng(place)
        like = [other for other in of[label] if other != text]
        for k in rng.permutation(len(like))[:LIKE]:
            yield (text, like[k]), [1.0]
        unlike = len(texts) - len(of[label])
        for k in _others(rng, min(LIKE, unlike), texts, labels, label):
            yield (text, k), [0.0]


def _others(
    rng: np.random.Generator, wanted: int, texts: list[str], labels: dict[str, str], label: str
) -> list[str]:
    """So many different texts of other labels; drawn until there are, since most draws are."""
    found: dict[str, None] = {}
    while len(found) < wanted:
        text = texts[int(rng.integers(len(texts)))]
        if labels[text] != label:
            found[text] = None
    return list(found)
