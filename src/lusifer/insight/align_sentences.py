"""Sentences of two documents that translate each other, in order.

Method: vecalign (Thompson and Koehn 2019, D19-1136). Stretches of one to four sentences are embedded
on both sides; a dynamic program finds the cheapest way through both documents, in steps of one or more
sentences against one or more, or of one that has no counterpart. A step costs one minus the cosine,
over what its stretches cost beside others drawn at random, times its sentences on either side; a
sentence alone costs a share of what a random pair costs. Long documents are aligned coarsely
first, each two vectors made one, then within a band around that way. Cost: eight vectors a pair of
sentences, and time in proportion to the length. Not for documents in another order: `lusifer mine`
finds translations wherever they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from lusifer.models import Embedder, Vectors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LARGEST = 5  # sentences of a step, both sides together
SAMPLE = 100  # sentences that say what chance is like
SKIP = 0.5  # what a sentence alone costs, as a share of a random pair
TIE = 1e-4  # so that of two ways that cost the same the one of smaller steps is taken
WHOLE = 200  # sentences up to which every way is looked at
BAND = 12  # sentences on either side of the coarse way
ONE_TO_ONE = ((1, 1),)
STEPS = tuple((a, b) for a in range(1, LARGEST) for b in range(1, LARGEST) if a + b <= LARGEST)


@dataclass(frozen=True)
class AlignedSentences:
    """Sentences of the first document, from `first[0]` up to and without `first[1]`, and those of
    the second that say the same; one side may be empty, and the cosine is 0 then.
    """

    first: tuple[int, int]
    second: tuple[int, int]
    cosine: float


def align_sentences(
    model: Embedder,
    first: Sequence[str],
    second: Sequence[str],
    *,
    prompt: str | None = None,
    skip: float = SKIP,
    seed: int = 0,
) -> list[AlignedSentences]:
    """Align two documents.

    Args:
        model: any embedder that knows both languages.
        first: sentences of one document, in order.
        second: sentences of the other.
        prompt: one of the model's prompts.
        skip: what a sentence alone costs, as a share of a random pair (0 to 1): less leaves more
            alone.
        seed: of the sample.

    Returns:
        All sentences of both documents, in order.

    Raises:
        LusiferError: where `skip` is no share.
    """
    if not 0 < skip < 1:
        raise LusiferError(f"skip is {skip}; it is a share, between 0 and 1")
    if not first or not second:
        return [AlignedSentences((i, i + 1), (0, 0), 0.0) for i in range(len(first))] + [
            AlignedSentences((0, 0), (j, j + 1), 0.0) for j in range(len(second))
        ]
    x, y = (_stretches(model, side, prompt) for side in (first, second))
    found = align_vectors(x, y, skip=skip, seed=seed)
    return [
        AlignedSentences(
            (i, i + a),
            (j, j + b),
            round(float(x[a - 1][i + a - 1] @ y[b - 1][j + b - 1]), 4) if a and b else 0.0,
        )
        for i, a, j, b in found
    ]


def _stretches(model: Embedder, sentences: Sequence[str], prompt: str | None) -> list[Vectors]:
    """Vectors of each 1, 2, … sentences that follow each other, (n, dim) each, by the last one's
    place; the first rows of longer ones, which would begin before the text, repeat shorter ones.
    """
    joined = [
        [" ".join(sentences[max(0, i - size + 1) : i + 1]) for i in range(len(sentences))]
        for size in range(1, LARGEST)
    ]
    vectors = model.encode([text for texts in joined for text in texts], prompt=prompt)
    return list(vectors.reshape(len(joined), len(sentences), -1))


def align_vectors(
    x: Sequence[Vectors], y: Sequence[Vectors], *, skip: float = SKIP, seed: int = 0
) -> list[tuple[int, int, int, int]]:
    """The steps (place in x, sentences, place in y, sentences) of the cheapest way, 0 sentences
    where one side has none; `x` and `y` as `_stretches` gives them.
    """
    levels = [(x, y)]
    while max(len(levels[-1][0][0]), len(levels[-1][1][0])) > WHOLE and (
        min(len(levels[-1][0][0]), len(levels[-1][1][0])) > 1
    ):
        levels.append(tuple([_halved(side[0])] for side in levels[-1]))  # type: ignore[arg-type]
    way: list[tuple[int, int, int, int]] = []
    for number, (a, b) in reversed(list(enumerate(levels))):
        n, m = len(a[0]), len(b[0])
        band = _band(way, n, m) if number + 1 < len(levels) else _everywhere(n, m)
        cheapest = _Way(a, b, STEPS if number == 0 else ONE_TO_ONE, skip, seed)
        way = cheapest.find(*band)
    return way


def _halved(vectors: Vectors) -> Vectors:
    """Each two vectors made one."""
    if len(vectors) % 2:
        vectors = np.concatenate([vectors, vectors[-1:]])
    sums = vectors[::2] + vectors[1::2]
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def _everywhere(n: int, m: int) -> tuple[Ints, Ints]:
    return np.zeros(n + 1, dtype=np.int64), np.full(n + 1, m + 1, dtype=np.int64)


def _band(way: Sequence[tuple[int, int, int, int]], n: int, m: int) -> tuple[Ints, Ints]:
    """For each place in x the places in y (from, to) around a coarse way."""
    low, high = np.full(n + 1, m, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    points = [(i, j) for i, _, j, _ in way] + [(way[-1][0] + way[-1][1], way[-1][2] + way[-1][3])]
    for (i, j), (end_i, end_j) in pairwise([*points, points[-1]]):
        rows = slice(max(0, 2 * i - 1), min(n, 2 * end_i + 2) + 1)
        low[rows] = np.minimum(low[rows], max(0, 2 * j - BAND))
        high[rows] = np.maximum(high[rows], min(m, 2 * end_j + BAND) + 1)
    low[0], high[-1] = 0, m + 1
    # Both ends go up with the row, so that a way leads from each row to the next.
    low = np.minimum.accumulate(low[::-1])[::-1]
    return low, np.maximum.accumulate(np.maximum(high, low + 1))


class _Way:
    """The dynamic program over two documents' vectors."""

    def __init__(
        self,
        x: Sequence[Vectors],
        y: Sequence[Vectors],
        steps: Sequence[tuple[int, int]],
        skip: float,
        seed: int,
    ) -> None:
        self.x, self.y, self.steps = x, y, steps
        rng = np.random.default_rng(seed)
        drawn_x, drawn_y = (rng.integers(0, len(side[0]), SAMPLE) for side in (x, y))
        self.skip = skip  # of a random pair, whose cost is about 1
        self.chance_x = [1 - (one @ y[0][drawn_y].T).mean(1) for one in x]
        self.chance_y = [1 - (one @ x[0][drawn_x].T).mean(1) for one in y]

    def find(self, low: Ints, high: Ints) -> list[tuple[int, int, int, int]]:
        """The cheapest way through places `low[i]` to `high[i]` of each row i."""
        costs: list[Floats] = []
        taken: list[Ints] = []
        for i in range(len(low)):
            places = np.arange(low[i], high[i])
            best = np.full(len(places), np.inf)
            how = np.full(len(places), -1, dtype=np.int64)
            if i == 0:
                best[0] = 0.0
            else:
                before = _shifted(costs[i - 1], low[i - 1], places)
                best, how = (
                    before + self.skip,
                    np.full(len(places), len(self.steps), dtype=np.int64),
                )
            for number, (a, b) in enumerate(self.steps):
                if i < a:
                    continue
                before = _shifted(costs[i - a], low[i - a], places - b)
                there = np.flatnonzero(np.isfinite(before))
                if not len(there):
                    continue
                found = np.full(len(places), np.inf)
                found[there] = before[there] + self._cost(i, a, places[there], b)
                better = found < best
                best, how = np.where(better, found, best), np.where(better, number, how)
            # A sentence of y alone comes from the place before in the same row, any number of times.
            along = best - self.skip * places
            cheapest = np.minimum.accumulate(along)
            alone = cheapest < along
            costs.append(np.where(alone, cheapest + self.skip * places, best))
            taken.append(np.where(alone, len(self.steps) + 1, how))
        return self._back(taken, low)

    def _cost(self, i: int, a: int, places: Ints, b: int) -> Floats:
        """Of a step that ends at row i and at `places`."""
        near = self.y[b - 1][places - 1] @ self.x[a - 1][i - 1]
        usual = self.chance_x[a - 1][i - 1] + self.chance_y[b - 1][places - 1]
        cost = 2 * np.maximum(1 - near, 0) * a * b / np.maximum(usual, 1e-6) + TIE * (a * b - 1)
        return np.asarray(cost, dtype=np.float64)

    def _back(self, taken: list[Ints], low: Ints) -> list[tuple[int, int, int, int]]:
        i, j = len(taken) - 1, int(low[-1]) + len(taken[-1]) - 1
        way = []
        while i or j:
            step = int(taken[i][j - low[i]])
            if step == len(self.steps):
                a, b = 1, 0
            elif step == len(self.steps) + 1:
                a, b = 0, 1
            else:
                a, b = self.steps[step]
            i, j = i - a, j - b
            way.append((i, a, j, b))
        return way[::-1]


def _shifted(costs: Floats, low: int, places: Ints) -> Floats:
    """The costs at places of a row that begins at `low`; infinite outside it."""
    at = places - low
    inside = (at >= 0) & (at < len(costs))
    return np.where(inside, costs[np.clip(at, 0, len(costs) - 1)], np.inf)
