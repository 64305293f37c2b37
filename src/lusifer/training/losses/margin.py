"""Translation ranking: InfoNCE in both directions with an additive margin on the positive.

Method: LaBSE's (arXiv 2007.01852, eq. 1-3), equal texts left out of the negatives. Cost: the B x B
score matrix in memory, which both directions share: half the products of `info_nce.py`, which keeps
none. Not for batches past about 16k rows. On several processes the other side's vectors are gathered with
their gradients, so that the mean over processes of loss and gradients is that of one process with
the whole batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sentence_transformers.util import all_gather, all_gather_with_grad, get_rank, get_world_size


def margin_ranking(
    x: torch.Tensor,
    y: torch.Tensor,
    temperature: float,
    margin: float = 0.0,
    same: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean of the two directions' cross-entropies; x, y are (B, d), row i of one translates row i
    of the other.

    `same` (B, all rows) marks pairs that are no negatives of each other (the same text on either
    side).
    """
    x, y = F.normalize(x.float(), dim=-1), F.normalize(y.float(), dim=-1)
    rows, target = torch.arange(len(x), device=x.device), own_rows(x)
    if get_world_size() == 1:  # the two directions share one matrix
        forward = x @ y.T
        both = (forward, forward.T)
    else:
        both = (x @ all_gather_with_grad(y).T, y @ all_gather_with_grad(x).T)
    if same is not None:
        same = same.clone()
        same[rows, target] = False
    total = x.new_zeros(())
    for cosines in both:
        scores = cosines.float() / temperature
        scores[rows, target] -= margin / temperature
        if same is not None:
            scores = scores.masked_fill(same, float("-inf"))
        total = total + F.cross_entropy(scores, target) / 2
    return total


def same_texts(*keys: torch.Tensor) -> torch.Tensor:
    """(B, all rows): whether two rows have equal text on either side; each of `keys` is (B,), a
    number a text.
    """
    return torch.stack([own[:, None] == all_gather(own) for own in keys]).any(0)


def own_rows(local: torch.Tensor) -> torch.Tensor:
    """Where this process's rows stand among the gathered ones."""
    first: int = get_rank() * len(local)
    return torch.arange(first, first + len(local), device=local.device)
