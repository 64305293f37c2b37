"""What is computed from vectors: a value an example. Candidates are read in blocks, so memory does
not grow with their number.

| metric | definition |
|---|---|
| accuracy of bitext | 1 where the nearest candidate by cosine is the sentence's own translation, or
has the same text |
| xsim error | 1 where the candidate of highest ratio margin (k = 4) is another text (LASER; arXiv
1811.01136) |
| nDCG@10, recall@10, MRR@10 | as trec_eval's, of relevant candidates by rank; of equal cosines the
irrelevant comes first |
| mAP | mean over the relevant of precision at their rank |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lusifer.encoding import VectorRows, margins, nearest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BLOCK = 2048
NEIGHBOURS = 4
CUT = 10


def bitext(
    x: VectorRows, y: VectorRows, x_texts: Sequence[str], y_texts: Sequence[str]
) -> tuple[Floats, Floats, Floats]:
    """For pairs (x_i, y_i): x's own text found among y, y's among x, and x's missed by margin;
    three arrays (n,) of 0 and 1.
    """
    best_x, place_x, best_y, place_y = nearest(x, y, NEIGHBOURS, BLOCK)
    margin = margins(best_x, place_x, best_x.mean(1), best_y.mean(1))
    chosen = place_x[np.arange(len(place_x)), margin.argmax(1)]
    return _same(place_x[:, 0], y_texts), _same(place_y[:, 0], x_texts), 1 - _same(chosen, y_texts)


def _same(found: Ints, texts: Sequence[str]) -> Floats:
    return np.array(
        [texts[row] == texts[i] for i, row in enumerate(found.tolist())], dtype=np.float64
    )


def ranks(
    queries: VectorRows, candidates: VectorRows, relevant: Sequence[Sequence[int]]
) -> list[Ints]:
    """For each query the ranks, from 1, of its relevant candidates, best first; of equal cosines
    the irrelevant comes first.
    """
    result: list[Ints] = []
    for i in range(0, len(queries), BLOCK):
        part = queries[i : i + BLOCK]
        places_of = [np.unique(np.asarray(r, dtype=np.int64)) for r in relevant[i : i + len(part)]]
        width = max(map(len, places_of))
        places = np.array([np.pad(m, (0, width - len(m)), mode="edge") for m in places_of])
        own = np.empty(places.shape, dtype=np.float32)
        for j in range(
            0, len(candidates), BLOCK
        ):  # first the relevant ones' cosines, then how many reach them
            scores = part @ candidates[j : j + BLOCK].T
            here = (places >= j) & (places < j + BLOCK)
            row, column = np.nonzero(here)
            own[row, column] = scores[row, places[row, column] - j]
        above = np.zeros(places.shape, dtype=np.int64)
        for j in range(0, len(candidates), BLOCK):
            scores = part @ candidates[j : j + BLOCK].T
            above += np.stack([(scores >= mine[:, None]).sum(1) for mine in own.T], axis=1)
        for q, m in enumerate(places_of):
            scores_, counts = own[q, : len(m)], above[q, : len(m)]
            order = np.argsort(-scores_, kind="stable")
            # `counts` holds the relevant ones too; those that tie take the last places of the tie
            with_me = (scores_[None, :] >= scores_[:, None]).sum(1)
            result.append((counts - with_me)[order] + np.arange(1, len(m) + 1))
    return result


def ndcg(ranks: Sequence[Ints]) -> Floats:
    """nDCG@10 of each query, every relevant candidate worth 1."""
    gains = 1 / np.log2(np.arange(2, CUT + 2))
    return np.array([gains[r[r <= CUT] - 1].sum() / gains[: len(r)].sum() for r in ranks])


def recall(ranks: Sequence[Ints]) -> Floats:
    """The share of each query's relevant candidates among the first ten."""
    return np.array([(r <= CUT).mean() for r in ranks])


def mrr(ranks: Sequence[Ints]) -> Floats:
    """One divided by the rank of the first relevant candidate; 0 where it is beyond ten."""
    return np.array([1 / r[0] if r[0] <= CUT else 0.0 for r in ranks])


def mean_precision(ranks: Sequence[Ints]) -> Floats:
    """Average precision of each query."""
    return np.array([(np.arange(1, len(r) + 1) / r).mean() for r in ranks])
