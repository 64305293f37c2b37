"""Bitext mining: which sentences of two files are translations of each other.

Method (Artetxe & Schwenk, arXiv 1811.01136): score(x, y) = cos(x, y) / (mean cos of x to its k
nearest y and of y to its k nearest x, each half), k = 4; candidates are the k nearest of either
side, and of all candidates the best are taken first, each sentence once ("max" keeps the best of
x's forward and y's backward choice before that). Cost: n x m cosines in blocks, memory O((n + m) k
+ block). Exact: no approximate search.

Which score is a translation's depends on the model and the files: LASER's threshold of 1.06 takes a
third of unrelated lines for translations here. `lead` does not depend on them: by how much a pair's
cosine is above those of the next candidates of both of its sentences, in standard deviations of the
files' cosines. Not for files of a few lines: what a next candidate is like cannot be told there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lusifer.encoding import BLOCK, Ints, Tell, VectorRows, margins, nearest
from lusifer.errors import LusiferError
from lusifer.models import Vectors

LEAD = 2.5  # of 100 unrelated lines about two are paired at it (docs/search.md)
SAMPLE = 1024  # rows of each side, that the spread of cosines is taken from
Retrieval = Literal["max", "forward", "backward", "intersect"]


@dataclass(frozen=True)
class BitextPair:
    """Sentence `first` of one file and `second` of the other (from 0), with the margin of their
    cosine, and its lead over the next candidates; from `LEAD` on they are likely translations.
    """

    score: float
    first: int
    second: int
    lead: float = math.nan


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
        LusiferError: for an unknown `retrieval`, or vectors that are none, or of two sizes.
    """
    if retrieval not in get_args(Retrieval):
        known = ", ".join(get_args(Retrieval))
        raise LusiferError(f"retrieval is {retrieval!r}; it must be one of {known}")
    if k < 1 or block < 1:
        raise LusiferError(f"k is {k} and block {block}; both must be 1 or more")
    if not len(x) or not len(y):
        return []
    _check(x, y, block)
    near = nearest(x, y, max(2, k), block, tell)
    best_x, place_x, best_y, place_y = (
        near[0][:, :k],
        near[1][:, :k],
        near[2][:, :k],
        near[3][:, :k],
    )
    mean_x, mean_y = best_x.mean(1), best_y.mean(1)
    forward = _choose(best_x, place_x, mean_x, mean_y)
    backward = [
        (score, first, second) for score, second, first in _choose(best_y, place_y, mean_y, mean_x)
    ]
    if retrieval == "forward":
        chosen = sorted(forward, key=_rank)
    elif retrieval == "backward":
        chosen = sorted(backward, key=_rank)
    elif retrieval == "intersect":
        both = {found[1:] for found in forward} & {found[1:] for found in backward}
        chosen = [found for found in sorted(forward, key=_rank) if found[1:] in both]
    else:
        chosen = _one_to_one([*forward, *backward])
    leads = _Leads(near, _spread(x, y))
    return [BitextPair(*found, leads(*found[1:])) for found in chosen]


def _check(x: VectorRows, y: VectorRows, block: int) -> None:
    """Raise LusiferError for what cannot be compared, rows that are not finite by their number."""
    widths = []
    for name, rows in (("x", x), ("y", y)):
        shape = np.asarray(rows[0:1]).shape
        if len(shape) != 2:
            raise LusiferError(f"{name} must be a matrix of vectors, (n, d)")
        widths.append(shape[1])
        for first in range(0, len(rows), block):
            finite = np.isfinite(np.asarray(rows[first : first + block])).all(1)
            if not finite.all():
                row = first + int(np.argmin(finite))
                raise LusiferError(f"{name}: row {row} holds NaN or infinite numbers")
    if widths[0] != widths[1]:
        raise LusiferError(f"x has vectors of {widths[0]} numbers, y of {widths[1]}")


def _one_to_one(candidates: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    taken_x, taken_y, result = set[int](), set[int](), []
    for score, first, second in sorted(set(candidates), key=_rank):
        if first not in taken_x and second not in taken_y:
            taken_x.add(first)
            taken_y.add(second)
            result.append((score, first, second))
    return result


def _spread(x: VectorRows, y: VectorRows) -> float:
    """The standard deviation of the cosines of unrelated sentences, by quartiles, each sentence's
    own mean taken off.
    """
    rng = np.random.default_rng(0)
    some = [_rows(side, rng) for side in (x, y)]
    cosines = some[0] @ some[1].T
    cosines -= cosines.mean(1, keepdims=True) + cosines.mean(0) - cosines.mean()
    low, high = np.quantile(cosines, [0.25, 0.75])
    return float(max((high - low) / 1.349, 1e-3))


def _rows(side: VectorRows, rng: np.random.Generator) -> Vectors:
    """Up to `SAMPLE` rows of one side, in a few stretches, so that a file is read in few places."""
    if len(side) <= SAMPLE:
        return side[0 : len(side)]
    width = SAMPLE // 16
    starts = rng.integers(0, len(side) - width, 16)
    return np.concatenate([side[int(start) : int(start) + width] for start in starts])


class _Leads:
    """By how much a pair's cosine is above those of both sentences' next candidates, in units of
    `spread`.
    """

    def __init__(self, near: tuple[Vectors, Ints, Vectors, Ints], spread: float) -> None:
        self.best_x, self.place_x, self.best_y, self.place_y = near
        self.spread = spread

    def __call__(self, first: int, second: int) -> float:
        own, cosine = _next(self.best_x[first], self.place_x[first], second)
        other, again = _next(self.best_y[second], self.place_y[second], first)
        known = [value for value in (cosine, again) if value is not None]
        return (max(known) - max(own, other)) / self.spread if known else math.nan


def _next(best: Vectors, place: Ints, partner: int) -> tuple[float, float | None]:
    """The best cosine of a sentence beside its partner's, and its partner's where that is known."""
    among = np.flatnonzero(place == partner)
    others = best[place != partner]
    nearest_other = float(others.max()) if len(others) else -1.0
    return nearest_other, float(best[among[0]]) if len(among) else None


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
