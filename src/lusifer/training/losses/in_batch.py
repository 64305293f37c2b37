"""Terms that compare each vector with the whole batch's: `ranking` and `kl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from sentence_transformers.util import all_gather, all_gather_with_grad

from lusifer.training.losses.distillation import Term
from lusifer.training.losses.margin import own_rows


@dataclass(frozen=True)
class Sharpened(Term):
    """A term with a softmax at `temperature`."""

    temperature: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0:
            raise ValueError(f"a loss's temperature is above 0, not {self.temperature}")


@dataclass(frozen=True)
class TeacherRanking(Sharpened):
    """InfoNCE of each student's vector against all teacher's: its own must score highest."""

    kind: Literal["ranking"] = "ranking"

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        s, t = F.normalize(student, dim=-1), F.normalize(teacher, dim=-1)
        return F.cross_entropy(s @ all_gather(t).T / self.temperature, own_rows(s))


@dataclass(frozen=True)
class Similarities(Sharpened):
    """The divergence of the student's similarity distribution within the batch from the teacher's
    (SEED, arXiv 2101.04731).
    """

    kind: Literal["kl"] = "kl"

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        s, t = F.normalize(student, dim=-1), F.normalize(teacher, dim=-1)
        off = F.one_hot(own_rows(s), len(all_gather(t))).bool()
        p = (t @ all_gather(t).T / self.temperature).masked_fill(off, -1e4).log_softmax(-1)
        q = (s @ all_gather_with_grad(s).T / self.temperature).masked_fill(off, -1e4)
        return F.kl_div(q.log_softmax(-1), p, reduction="batchmean", log_target=True)
