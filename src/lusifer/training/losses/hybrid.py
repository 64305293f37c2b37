"""Dense, sparse and multi-vector scores learnt together, each from the sum of all three (M3
self-distillation, arXiv 2402.03216).

Method: InfoNCE for each way of scoring and for their sum s = dense + 0.3 sparse + multi, weights 1,
0.1, 1 and 1; KL of each from the sum's softmax, weights 1, 0.1, 1; the mean of both halves. Equal
texts are never each other's negatives, nor is one whose dense cosine is above the positive's by more
than InfoNCE's `mask`. Cost: token vectors of all texts against all, B x tokens x tokens cosines
for one query at a time, and for the gradient which token was the best; so for batches of a few
hundred, on one process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lusifer.models import SPARSE_SHARE, multi_scores, sparse_scores
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.losses.pair_terms import token_keys

WEIGHTS = {"dense": 1.0, "sparse": 0.1, "multi": 1.0}


def check_hybrid(settings: InfoNCE) -> None:
    """Raise ValueError for what the three scores together do without: a margin is a distance of
    cosines, which sparse scores are not, and documents have no sparse score as queries.
    """
    plain = InfoNCE()
    for name in ("margin", "directions", "partition"):
        if getattr(settings, name) != getattr(plain, name):
            raise ValueError(f"heads go without {name}; temperature and mask are theirs too")


class HybridLoss(nn.Module):
    """Over (query, positive, negative, ...) columns of a model whose last module is `Heads`."""

    def __init__(self, model: Any, settings: InfoNCE, *, distill: bool = True) -> None:
        super().__init__()
        self.model: Any = model
        self.settings, self.distill = settings, distill

    def forward(
        self,
        sentence_features: Iterable[dict[str, torch.Tensor]],
        labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        features = list(sentence_features)
        keys = token_keys(features)
        columns = [self.model(feature) for feature in features]
        queries = columns[0]
        n = len(queries["input_ids"])
        parts: dict[str, list[torch.Tensor]] = {name: [] for name in WEIGHTS}
        for documents in columns[1:]:
            own, other = (
                F.normalize(side["sentence_embedding"].float(), dim=-1)
                for side in (queries, documents)
            )
            parts["dense"].append(own @ other.T)
            parts["sparse"].append(sparse_scores(queries, documents))
            parts["multi"].append(multi_scores(queries, documents))
        alike = torch.cat(
            [
                keys.documents[:, :1] == keys.documents[None, :, k]
                for k in range(keys.documents.shape[1])
            ],
            dim=1,
        )
        alike[:, :n] |= keys.queries[:, None] == keys.queries[None, :]
        diagonal = torch.arange(n, device=alike.device)
        if self.settings.mask is not None:
            dense = torch.cat(parts["dense"], dim=1).detach()
            alike |= dense > dense[diagonal, diagonal][:, None] + self.settings.mask
        alike[diagonal, diagonal] = False  # the positive itself
        scores = {
            name: torch.cat(rows, dim=1).masked_fill(alike, -1e4) / self.settings.temperature
            for name, rows in parts.items()
        }
        together = scores["dense"] + SPARSE_SHARE * scores["sparse"] + scores["multi"]
        loss = F.cross_entropy(together, diagonal)
        for name, weight in WEIGHTS.items():
            loss = loss + weight * F.cross_entropy(scores[name], diagonal)
        loss = loss / (1 + len(WEIGHTS))
        if not self.distill:
            return loss
        target = together.detach().softmax(1)
        taught = torch.stack(
            [w * F.cross_entropy(scores[name], target) for name, w in WEIGHTS.items()]
        ).sum() / len(WEIGHTS)
        return (loss + taught) / 2
