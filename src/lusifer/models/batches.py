"""Batches of texts by a budget of tokens: of like length together, so that little is padding and no
batch is large.

Characters are a poor measure: a sentence of Thai is four times as many tokens as its letters
suggest for an English tokenizer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def by_tokens(lengths: Ints, budget: int, *, padded: bool = True) -> list[Ints]:
    """Rows, shortest first, in batches of at most `budget` tokens, padding included; a longer row
    is a batch of its own.

    Not `padded`: rows are laid end to end, and a batch is as many tokens as its rows have.
    """
    order = np.argsort(lengths, kind="stable")
    batches, start, total = [], 0, 0
    for end in range(1, len(order) + 1):
        total += max(1, int(lengths[order[end - 1]]))
        if end < len(order):
            longest = max(1, int(lengths[order[end]]))
            full = ((end - start + 1) * longest if padded else total + longest) > budget
        if end == len(order) or full:
            batches.append(order[start:end])
            start, total = end, 0
    return batches
