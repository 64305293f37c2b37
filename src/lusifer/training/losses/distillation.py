"""Distillation: terms that pull a student's vectors to a teacher's, composed in the recipe.

A term is a `Term`: a small class with its settings that is called with both sides' vectors. One
file adds one, also outside of lusifer; a recipe names it by its `kind`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lusifer.config import Choice


@dataclass(frozen=True)
class Term(Choice):
    """One term of a loss, times `weight`."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight <= 0:
            raise ValueError(f"a loss's weight is above 0, not {self.weight}; leave it out instead")

    @abstractmethod
    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """The term, without its weight.

        Args:
            student: (B, d), of this process.
            teacher: (B, d), of the same texts.

        Returns:
            A scalar; its mean over processes is that of one process with the whole batch.
        """
        raise TypeError(f"{type(self).__name__} must say what it is")


def distillation(
    student: torch.Tensor, teacher: torch.Tensor, terms: Sequence[Term]
) -> dict[str, torch.Tensor]:
    """The weighted terms of a batch, by their kinds.

    Args:
        student: (B, d).
        teacher: (B, d), of the same texts.
        terms: what is added up.

    Returns:
        Kind → scalar, weighted.
    """
    student, teacher = student.float(), teacher.float()
    return {term.kind: term.weight * term(student, teacher) for term in terms}


def distinct(terms: Sequence[Choice]) -> None:
    """Raise ValueError where a recipe names no term, or one twice."""
    kinds = [term.kind for term in terms]
    if not kinds or len(set(kinds)) < len(kinds):
        raise ValueError(f"loss names its terms, each once; not {', '.join(kinds) or 'none'}")
