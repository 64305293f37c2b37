"""Bitext mining: which sentences of two files are translations of each other.

Method (Artetxe & Schwenk, arXiv 1811.01136): score(x, y) = cos(x, y) / (mean cos of x to its k
nearest y and of y to its k nearest x, each half), k = 4; candidates are the k nearest of either
side, and of all candidates the best are taken first, each sentence once ("max" keeps the best of
x's forward and y's backward choice before that). Cost: n x m cosines in blocks, memory O((n + m) k
+ block). Exact: no approximate search. A score above about 1.06 is likely a translation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lusifer.encoding import BLOCK, Ints, Tell, VectorRows, margins, nearest
from lusifer.errors import LusiferError
from lusifer.models import Vectors

Retrieval = Literal["max", "forward", "backward", "intersect"]


@dataclass(frozen=True)
class BitextPair:
    """Sentence `first` of one file and `second` of the other (from 0), with the margin of their
    cosine.
    """

    score: float
    first: int
    second: int


def mine_bitext(
    x: VectorRows,
    y: VectorRows,
    *,
    k: int = 4,
    retrieval: Retrieval = "max",
    block: int = BLOCK,
    tell: Tell | None = None,
) -> list[BitextPair]:
    """Find the translation pairs among two sets of sentences by ratio margin, best first.

    Args:
        x: vectors of the one side, (n, d), unit rows.
        y: vectors of the other side, (m, d), unit rows.
        k: neighbors that a margin compares with.
        retrieval: from x to y (`forward`), from y to x, both that agree (`intersect`), or the best of both.
        block: rows that are compared at once.
        tell: gets how many rows of x are done, of how many.

    Returns:
        Pairs, each sentence in one at most.

    Raises:
        LusiferError: for an unknown `retrieval`.
    """
    if not len(x) or not len(y):
        return []
    best_x, place_x, best_y, place_y = nearest(x, y, k, block, tell)
    mean_x, mean_y = best_x.mean(1), best_y.mean(1)
    forward = _choose(best_x, place_x, mean_x, mean_y)
    backward = [
        (score, first, second) for score, second, first in _choose(best_y, place_y, mean_y, mean_x)
    ]
    if retrieval == "forward":
        return [BitextPair(*found) for found in sorted(forward, key=_rank)]
    if retrieval == "backward":
        return [BitextPair(*found) for found in sorted(backward, key=_rank)]
    if retrieval == "intersect":
        both = {found[1:] for found in forward} & {found[1:] for found in backward}
        return [BitextPair(*found) for found in sorted(forward, key=_rank) if found[1:] in both]
    taken_x, taken_y, result = set(), set(), []
    for score, first, second in sorted(set(forward) | set(backward), key=_rank):
        if first not in taken_x and second not in taken_y:
            taken_x.add(first)
            taken_y.add(second)
            result.append(BitextPair(score, first, second))
    return result


def _rank(found: tuple[float, int, int]) -> tuple[float, int, int]:
    return (-found[0], found[1], found[2])


def _choose(
    best: Vectors, index: Ints, mean: Vectors, other: Vectors
) -> list[tuple[float, int, int]]:
    """(margin, own index, other's place): of each row's candidates that of the highest margin."""
    margin = margins(best, index, mean, other)
    column = margin.argmax(1)
    rows = np.arange(len(best))
    return [
        (float(m), int(i), int(j))
        for m, i, j in zip(margin[rows, column], rows, index[rows, column], strict=True)
    ]


def best_threshold(
    found: Sequence[BitextPair], gold: set[tuple[int, int]]
) -> tuple[float, float, float, float]:
    """(F1, precision, recall, threshold) at the threshold with the best F1; gold holds (first,
    second) indices.
    """
    if not gold:
        raise LusiferError("no gold pairs to compare with")
    right, best = 0, (0.0, 0.0, 0.0, float("inf"))
    ordered = sorted(found, key=lambda pair: -pair.score)
    for n, pair in enumerate(ordered, 1):
        right += (pair.first, pair.second) in gold
        if n < len(ordered) and ordered[n].score == pair.score:
            continue
        precision, recall = right / n, right / len(gold)
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        if f1 > best[0]:
            best = (f1, precision, recall, pair.score)
    return best
