"""The term `scores`: each row's ranking of its own documents, as a teacher ranks them.

Method: KL of the softmax of the model's cosines from that of a teacher's scores (mE5, arXiv
2402.05672): a reranker's (temperature 1) or a larger embedder's cosines (about 0.05), given with
the data in the column `scores`. Cost: nothing beside the vectors. Not without negatives: a row's
only document has nothing to be ranked against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from lusifer.training.losses.pair_terms import PairTerm, PairVectors


@dataclass(frozen=True)
class TeacherScores(PairTerm):
    """The divergence from a teacher's softmax at `temperature`; `own_temperature` divides the
    model's cosines.
    """

    scored: ClassVar[bool] = True
    ranks: ClassVar[bool] = True

    temperature: float = 1.0
    own_temperature: float = 0.02
    kind: Literal["scores"] = "scores"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0 or self.own_temperature <= 0:
            raise ValueError("a term's temperatures are above 0")

    def __call__(self, batch: PairVectors) -> torch.Tensor:
        assert batch.scores is not None
        return ranking_divergence(
            batch.queries, batch.documents, batch.scores, self.own_temperature, self.temperature
        )


def ranking_divergence(
    queries: torch.Tensor,
    documents: torch.Tensor,
    teacher: torch.Tensor,
    temperature: float,
    teacher_temperature: float = 1.0,
) -> torch.Tensor:
    """KL of each row's scores of its own documents from a teacher's; a scalar, the mean over rows.

    `queries` (n, d), `documents` (1 + k, n, d), `teacher` (n, 1 + k), a reranker's scores or
    cosines.
    """
    student = torch.einsum("nd,knd->nk", queries, documents) / temperature
    return torch.nn.functional.kl_div(
        student.log_softmax(1),
        (teacher.to(student) / teacher_temperature).log_softmax(1),
        reduction="batchmean",
        log_target=True,
    )
