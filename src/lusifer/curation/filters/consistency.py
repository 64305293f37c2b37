"""Ranking consistency: a pair stays where its document is among the `top_k` that a model finds for
its query.

Method (KaLM-Embedding, arXiv 2501.01028; round-trip consistency, arXiv 2209.11755): the document's
rank among all documents of the pairs, the query's other documents not counted. Exact, in blocks.
Cost: queries x passages inner products. Not with a model that does not know the pairs' languages:
it would drop what it cannot read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lusifer.curation.pair_corpus import EmbeddedPairs, PairCorpus, Told
from lusifer.encoding import ROUNDING, Ints, ranks
from lusifer.models import LoadedModel


def pair_ranks(pool: PairCorpus, model: LoadedModel, folder: Path, tell: Told) -> Ints:
    """Rank (from 1) of each pair, as the pool holds them: query by query. Vectors are kept in
    `folder`.
    """
    embedded = EmbeddedPairs(pool, model, folder, tell)
    owner = np.repeat(np.arange(len(pool.queries)), np.diff(pool.begins))
    scores = np.concatenate([embedded.positives(q) for q in range(len(pool.queries))])
    found = 1 + ranks(embedded.queries.at(owner), embedded.in_order, scores, tell=tell("ranking"))
    for query in range(len(pool.queries)):
        own = slice(pool.begins[query], pool.begins[query + 1])
        if (
            own.stop - own.start > 1
        ):  # its other documents that rank higher are no evidence against one
            found[own] -= (scores[own][None, :] > scores[own][:, None] + ROUNDING).sum(1)
    return found
