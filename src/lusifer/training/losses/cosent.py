"""The term `cosent`: pairs in the order of their grades, for similarity judged by people (STS) or any
graded relevance.

Method: log(1 + the sum, over pairs i graded above pairs j, of exp((cos j - cos i) / temperature)):
only the order of the grades counts, not their scale (CoSENT, Su Jianlin 2022; sentence-transformers'
`CoSENTLoss`, whose scale is 1 / temperature). The grade is the first number of the column `scores`.
Cost: a batch's cosines with each other, nothing beside the vectors. Not for pairs that are all
positives: there is no order among them (`info_nce`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from sentence_transformers.util import all_gather, all_gather_with_grad, get_world_size

from lusifer.training.losses.pair_terms import PairTerm, PairVectors


@dataclass(frozen=True)
class CoSENT(PairTerm):
    """The order of a batch's pairs by grade."""

    scored: ClassVar[bool] = True

    temperature: float = 0.05
    kind: Literal["cosent"] = "cosent"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0:
            raise ValueError("a term's temperature is above 0")

    def __call__(self, batch: PairVectors) -> torch.Tensor:
        """Over the pairs of all processes."""
        assert batch.scores is not None
        cosines = (batch.queries * batch.documents[0]).sum(-1)
        grades = batch.scores[:, 0].to(cosines)
        if get_world_size() > 1:
            cosines, grades = all_gather_with_grad(cosines), all_gather(grades)
        return order_loss(cosines, grades, self.temperature)


def order_loss(cosines: torch.Tensor, grades: torch.Tensor, temperature: float) -> torch.Tensor:
    """The loss of cosines (n,) that ought to be in the order of `grades` (n,); a scalar, 0 where all
    grades are equal.
    """
    gaps = (cosines[None, :] - cosines[:, None]) / temperature  # how far j is above i
    wrong = gaps.masked_fill(grades[:, None] <= grades[None, :], float("-inf")).flatten()
    return torch.cat([wrong.new_zeros(1), wrong]).logsumexp(0)
