"""Token rows that share what their spellings share.

Method: in training a token's row is its own vector and those of the vocabulary's pieces within its
spelling, so that "▁station", "▁stations" and "stat" learn from each other and a rare form starts
near its stem (fastText, arXiv 1607.04606, with the vocabulary's own pieces for n-grams). In the end
each token's sum is written out as one row: in use it costs nothing. Cost: some seven rows a token,
gathered for the distinct tokens of a batch only. Not where a vocabulary's pieces are words without
parts in common.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from lusifer.training.vocabulary import MASK_TOKEN, SPACE, SPECIALS

Ints = npt.NDArray[np.int64]


class Substrings:
    """The parts of each token, itself first, and their weights: 1 for itself and n^-0.5 for each of
    n pieces within it.
    """

    def __init__(self, tokens: Sequence[str], minimum: int) -> None:
        index = {token: i for i, token in enumerate(tokens)}
        fixed = {*SPECIALS, MASK_TOKEN}
        parts, weights, counts = [], [], []
        for i, token in enumerate(tokens):
            spans = ((a, b) for a in range(len(token)) for b in range(a + minimum, len(token) + 1))
            inside = (
                {token[a:b] for a, b in spans}
                if token not in fixed and not _is_byte(token)
                else set()
            )
            found = sorted(
                index[piece] for piece in inside - {token, SPACE, *fixed} if piece in index
            )
            parts += [i, *found]
            weights += [1.0] + [max(len(found), 1) ** -0.5] * len(found)
            counts.append(1 + len(found))
        self.parts: Ints = np.array(parts, dtype=np.int64)
        self.weights = np.array(weights, dtype=np.float32)
        self.counts: Ints = np.array(counts, dtype=np.int64)
        self.starts: Ints = np.concatenate([[0], np.cumsum(self.counts)[:-1]])

    def rows(self, table: torch.Tensor, tokens: Ints) -> torch.Tensor:
        """(n, dim): the sum of each token's parts."""
        counts = self.counts[tokens]
        offsets = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
        places = np.repeat(self.starts[tokens] - offsets, counts) + np.arange(counts.sum())
        weights = torch.from_numpy(self.weights[places]).to(table)
        parts, bags = (torch.from_numpy(a).to(table.device) for a in (self.parts[places], offsets))
        return F.embedding_bag(parts, table, bags, mode="sum", per_sample_weights=weights)

    def learnt(self, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which vectors training has moved, given the tokens that it has seen: those that are part
        of one.
        """
        result = np.zeros(len(self.counts), dtype=bool)
        result[self.parts[np.repeat(seen, self.counts)]] = True
        return result


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")
