"""Pairs of texts compared by their vectors, their weighted words and their tokens at once: sorted so, what
was found costs a product of small matrices a pair instead of a transformer's pass.

Method: a pair's score is dense + 0.3 sparse + multi-vector, a query's tokens each taking their best among
the document's (ColBERT, arXiv 2004.12832; BGE-M3, arXiv 2402.03216). Pairs are compared in chunks on the
model's device, those of like sizes together, so that memory is bounded by `CELLS` cosines. Cost: the
reading of each text, which is an embedder's (`HybridEmbedder.score_pairs`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from lusifer.models.embedder import Vectors

SPARSE_SHARE = 0.3  # of the sparse score in the sum of the three
CELLS = 1 << 24  # cosines of tokens that are held
Read = tuple[Vectors, dict[str, float], Vectors]  # a text's vector (d,), words, and tokens (t, dim)


def pair_scores(
    queries: Sequence[Read], documents: Sequence[Read], rows: np.ndarray, device: torch.device
) -> Vectors:
    """Scores of pairs of texts.

    Args:
        queries: read by a model with heads.
        documents: the same.
        rows: pairs as numbers of a query and a document, (n, 2).
        device: where tokens are compared.

    Returns:
        Scores (n,).
    """
    pairs = [(queries[q], documents[d]) for q, d in rows.tolist()]
    scores = np.array([float(a @ b) for (a, _, _), (b, _, _) in pairs], dtype=np.float32)
    for i, ((_, words, _), (_, others, _)) in enumerate(pairs):
        shared = words.keys() & others.keys()
        scores[i] += SPARSE_SHARE * sum(words[word] * others[word] for word in shared)
    sizes = np.array([[len(a), len(b)] for (_, _, a), (_, _, b) in pairs]).reshape(-1, 2)
    order = np.argsort(sizes.prod(1), kind="stable")
    start = 0
    while start < len(order):
        stop, widest = start + 1, sizes[order[start]]
        while stop < len(order):
            wider = np.maximum(widest, sizes[order[stop]])
            if wider.prod() * (stop + 1 - start) > CELLS:
                break
            stop, widest = stop + 1, wider
        own = order[start:stop]
        chunk = [pairs[i] for i in own.tolist()]
        scores[own] += best_cosines([a[2] for a, _ in chunk], [b[2] for _, b in chunk], device)
        start = stop
    return scores


def best_cosines(
    tokens: Sequence[Vectors], others: Sequence[Vectors], device: torch.device
) -> Vectors:
    """The mean over a query's tokens of the best cosine among a document's, of each pair.

    Args:
        tokens: unit rows (t, dim) of each query.
        others: unit rows (u, dim) of each document.
        device: where they are compared.

    Returns:
        Means (n,).
    """
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
