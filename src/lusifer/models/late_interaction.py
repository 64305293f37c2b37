"""Pairs of texts scored by a model's three ways at once (`models/heads.py`): sorted so, what was found costs a
product of small matrices a pair instead of a transformer's pass.

Method: each distinct text is read once; a pair's score is dense + 0.3 sparse + multi-vector, a query's
tokens each taking their best among the document's (ColBERT, arXiv 2004.12832; BGE-M3, arXiv 2402.03216).
Pairs are compared in chunks on the model's device, so that memory is bounded by `CELLS` cosines and
`PAIRS` pairs' token vectors. Cost: the reading, which is an embedder's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from lusifer.models.embedder import Vectors
from lusifer.models.heads import SPARSE_SHARE, HybridEmbedder

PAIRS = 1024  # whose texts are held as token vectors
CELLS = 1 << 24  # cosines of tokens that are held


def score_pairs(model: HybridEmbedder, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Scores of (query, document) pairs.

    Args:
        model: with heads; its prompts for queries and documents are put before them.
        pairs: in any order.

    Returns:
        A score each, as `HybridEmbedder.score` gives it.
    """
    found: list[float] = []
    for start in range(0, len(pairs), PAIRS):
        part = pairs[start : start + PAIRS]
        sides = [list(dict.fromkeys(pair[side] for pair in part)) for side in (0, 1)]
        place = [{text: i for i, text in enumerate(texts)} for texts in sides]
        rows = np.array([[place[0][q], place[1][d]] for q, d in part])
        found += _scored(model, sides[0], sides[1], rows).tolist()
    return found


def _scored(
    model: HybridEmbedder, queries: Sequence[str], documents: Sequence[str], rows: np.ndarray
) -> Vectors:
    """Scores (n,) of pairs that are given by the numbers of their texts, (n, 2)."""
    read = []
    for name, texts in (("query", queries), ("document", documents)):
        prompt = name if name in model.prompts else None
        dense = model.encode(texts, prompt=prompt)
        words = model.encode_sparse(texts, prompt=prompt)
        read.append((dense, words, model.encode_multi(texts, prompt=prompt)))
    (dense, words, tokens), (other_dense, other_words, other_tokens) = read
    scores: Vectors = (dense[rows[:, 0]] * other_dense[rows[:, 1]]).sum(1)
    for i, (q, d) in enumerate(rows.tolist()):
        shared = words[q].keys() & other_words[d].keys()
        scores[i] += SPARSE_SHARE * sum(words[q][w] * other_words[d][w] for w in shared)
    sizes = np.array([[len(tokens[q]), len(other_tokens[d])] for q, d in rows.tolist()])
    order = np.argsort(sizes.prod(1), kind="stable")  # pairs of like sizes: little is padding
    start = 0
    while start < len(order):
        stop, widest = start + 1, sizes[order[start]]
        while stop < len(order):
            wider = np.maximum(widest, sizes[order[stop]])
            if wider.prod() * (stop + 1 - start) > CELLS:
                break
            stop, widest = stop + 1, wider
        own = order[start:stop]
        scores[own] += _best(
            [tokens[q] for q in rows[own, 0].tolist()],
            [other_tokens[d] for d in rows[own, 1].tolist()],
            model.model.device,
        )
        start = stop
    return scores


def _best(tokens: Sequence[Vectors], others: Sequence[Vectors], device: torch.device) -> Vectors:
    """The mean over a query's tokens of the best cosine among a document's, of each pair."""
    q, d = (
        pad_sequence([torch.from_numpy(x) for x in side], batch_first=True).to(device)
        for side in (tokens, others)
    )
    absent = pad_sequence([torch.zeros(len(x)) for x in others], True, 1.0).bool().to(device)
    with torch.inference_mode():
        cosines = torch.einsum("ptd,pud->ptu", q, d).masked_fill_(absent[:, None], float("-inf"))
        best = cosines.amax(2).masked_fill_((q == 0).all(2), 0.0)
        counts = torch.tensor([len(x) for x in tokens], device=device)
        mean: Vectors = (best.sum(1) / counts).cpu().numpy()
    return mean
