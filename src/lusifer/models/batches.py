"""Batches of texts by a budget of tokens: of like length together, so that little is padding and no batch is large.

Characters are a poor measure: a sentence of Thai is four times as many tokens as its letters suggest for an English tokenizer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def by_tokens(lengths: Ints, budget: int) -> list[Ints]:
    """Rows, shortest first, in batches of at most `budget` tokens, padding included; a longer row is a batch of its own."""
    order = np.argsort(lengths, kind="stable")
    batches, start = [], 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end - start + 1) * max(1, int(lengths[order[end]])) > budget:
            batches.append(order[start:end])
            start = end
    return batches
