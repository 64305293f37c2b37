"""Terms that compare each vector with its own teacher's: `cosine`, `mse` and `error`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from lusifer.training.losses.distillation import Term


@dataclass(frozen=True)
class Cosine(Term):
    """1 - cosine."""

    kind: Literal["cosine"] = "cosine"

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        unit = F.normalize(student, dim=-1) * F.normalize(teacher, dim=-1)
        return (1 - unit.sum(-1)).mean()


@dataclass(frozen=True)
class SquaredError(Term):
    """The squared distance of unit vectors."""

    kind: Literal["mse"] = "mse"

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        distance = F.normalize(student, dim=-1) - F.normalize(teacher, dim=-1)
        return distance.pow(2).sum(-1).mean()


@dataclass(frozen=True)
class RawError(Term):
    """The squared distance of the vectors as they come, in the stage's own unit."""

    kind: Literal["error"] = "error"

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return (student - teacher).pow(2).sum(-1).mean()
