"""Terms of a loss over pairs: a batch's queries, each with its document and its negatives.

A term is a `PairTerm`: a small class with its settings that is called with a batch's vectors. One
file adds one, also outside of lusifer; a recipe of the stage `contrastive` names it by its `kind`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from lusifer.config import Choice

MULTIPLIER, MIX = 6364136223846793005, 1442695040888963407


@dataclass(frozen=True)
class Keys:
    """A number a text, equal for equal texts: of all queries (n,) and of all documents (n, 1 +
    negatives).
    """

    queries: torch.Tensor
    documents: torch.Tensor


@dataclass(frozen=True)
class PairVectors:
    """This process's part of a batch: unit vectors of the queries (n, d) and of the documents (1 +
    negatives, n, d), the positives first; what texts are equal; a teacher's scores of each query's
    own documents (n, 1 + negatives), where the rows have some.
    """

    queries: torch.Tensor
    documents: torch.Tensor
    keys: Keys | None = None
    scores: torch.Tensor | None = None


@dataclass(frozen=True)
class PairTerm(Choice):
    """One term of a loss over pairs, times `weight`."""

    scored: ClassVar[bool] = False
    """Whether it wants the column `scores`: a teacher's, or grades."""
    ranks: ClassVar[bool] = False
    """Whether it compares a row's document with its negatives, and so wants some."""

    weight: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight <= 0:
            raise ValueError(f"a loss's weight is above 0, not {self.weight}; leave it out instead")

    @abstractmethod
    def __call__(self, batch: PairVectors) -> torch.Tensor:
        """The term, without its weight.

        Args:
            batch: this process's part.

        Returns:
            A scalar; its mean over processes is that of one process with the whole batch.
        """
        raise TypeError(f"{type(self).__name__} must say what it is")


def token_keys(features: Sequence[dict[str, torch.Tensor]]) -> Keys:
    """Keys of a batch's columns, the query first, from their token ids; padding on either side
    changes nothing.
    """
    columns = [_hash(f["input_ids"], f["attention_mask"]) for f in features]
    return Keys(columns[0], torch.stack(columns[1:], dim=1))


def _hash(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A 64-bit polynomial hash of each row's ids; arithmetic wraps around."""
    powers = torch.full((ids.shape[1],), MULTIPLIER, dtype=torch.int64, device=ids.device).cumprod(
        0
    )
    position = (mask.long().cumsum(1) - 1).clamp(min=0)
    return (((ids.long() + 1) * MIX) * powers[position] * mask.long()).sum(1)
