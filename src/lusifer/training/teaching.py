"""What a table and the layers over one are trained by: translation ranking at nested sizes, and a
teacher's English vectors.

Method: translations are ranked against the batch in both directions with an additive margin (LaBSE,
arXiv 2007.01852), at nested sizes too (Matryoshka, arXiv 2205.13147); both sides, through one
linear map that is thrown away afterwards, are drawn to the teacher's vectors of the English side
and ranked against them (Reimers and Gurevych, arXiv 2004.09813). Cost: the score matrix of the
batch; nested sizes and the teacher's ranking take `few` of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lusifer.errors import ConfigError
from lusifer.training.corpus import Data, check_kinds, prepare, read_kind
from lusifer.training.losses.distances import Cosine
from lusifer.training.losses.in_batch import TeacherRanking
from lusifer.training.losses.margin import margin_ranking, same_texts
from lusifer.training.pair_store import EVEN, PairStore
from lusifer.training.processes import Batch, rank_and_world, wait_for_all
from lusifer.training.ranking import RANKED, Ranking, RankingBatches
from lusifer.training.teacher_vectors import teacher_vectors
from lusifer.training.vocabulary import Vocabulary

Taught = dict[str, npt.NDArray[np.float16]]


@dataclass(frozen=True)
class VectorTeacher:
    """An English model whose vectors of the English side are learnt from, for the kinds named;
    `cache` keeps them.
    """

    base: str
    cosine: float = 1.0
    ranking: float = 0.5
    temperature: float = 0.05
    kinds: tuple[str, ...] = ("parallel",)
    max_tokens: int = 64
    cache: str | None = None


def check(
    teacher: VectorTeacher | None,
    nested: tuple[int, ...],
    few: int,
    phase: Ranking,
    dim: int | None = None,
) -> None:
    """Raise ValueError for sizes outside the vector, or a teacher of kinds that are not or of pairs
    that are put together.
    """
    if any(size < 1 or (dim is not None and size >= dim) for size in nested):
        raise ValueError(
            f"nested sizes lie between 1 and dim - 1{f', {dim - 1}' if dim else ''}; not {nested}"
        )
    if few < 1:
        raise ValueError(f"few is {few}; it is a number of a batch's rows, 1 or more")
    if teacher:
        check_kinds(dict.fromkeys(teacher.kinds, 1.0), RANKED)
    if teacher and "lexicon" in teacher.kinds and phase.bundle > 1:
        raise ValueError(
            "teacher.kinds holds lexicon, whose pairs ranking.bundle puts together: the teacher has no vector of these"
        )


class Objective(nn.Module):
    """The loss, and the map to the teacher's space."""

    def __init__(
        self,
        phase: Ranking,
        nested: tuple[int, ...],
        few: int,
        teacher: VectorTeacher | None,
        dim: int,
        teacher_dim: int,
    ) -> None:
        super().__init__()
        self.phase, self.nested, self.few, self.teacher = phase, nested, few, teacher
        self.to_teacher = nn.Linear(dim, teacher_dim, bias=False) if teacher_dim else None

    def forward(
        self, english: torch.Tensor, text: torch.Tensor, batch: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        phase, teacher = self.phase, self.teacher
        keys = batch["english_key"], batch["text_key"]
        loss = margin_ranking(english, text, phase.temperature, phase.margin, same_texts(*keys))
        few = slice(None, None, stride(len(text) * rank_and_world()[1], self.few))
        same = same_texts(*(key[few] for key in keys))
        for size in self.nested:
            loss = loss + margin_ranking(
                english[few, :size], text[few, :size], phase.temperature, phase.margin, same
            )
        if "teacher" in batch and self.to_teacher is not None and teacher is not None:
            for side in (english, text):
                own, due = self.to_teacher(side).float(), batch["teacher"].float()
                if teacher.cosine:
                    loss = loss + teacher.cosine * Cosine()(own, due)
                if teacher.ranking:
                    ranking = TeacherRanking(temperature=teacher.temperature)
                    loss = loss + teacher.ranking * ranking(own[few], due[few])
        return loss


def stride(rows: int, few: int) -> int:
    """Each how many-th row of a batch leaves about `few`, the same rows on one process as on 2, 4
    or 8 that share them.
    """
    if rows % EVEN:
        return 1
    return max(d for d in range(1, max(1, rows // few) + 1) if rows // EVEN % d == 0)


class TaughtBatches:
    """Ranking batches with the teacher's vectors of their English side, where the kind has them."""

    def __init__(
        self, batches: RankingBatches, taught: Mapping[str, npt.NDArray[np.float16]]
    ) -> None:
        self.batches, self.taught = batches, taught

    def __call__(self, step: int) -> Batch:
        kind, rows = self.batches.sampler(step)
        batch = self.batches.batch(step, kind, rows)
        if kind in self.taught:
            batch["teacher"] = torch.from_numpy(
                self.taught[kind][self.batches.stores[kind].source[rows]]
            )
        return batch


def prepared(
    data: Data, vocabulary: Vocabulary, teacher: VectorTeacher | None, seed: int, output: Path
) -> tuple[Path, dict[str, PairStore], Taught]:
    """The tokenizer's file, the token stores and the teacher's vectors: made by the first process,
    found by the others.
    """
    first = rank_and_world()[0] == 0
    if not first:
        wait_for_all()
    file, stores = prepare(data, vocabulary, seed, output / "prepared")
    taught = teach(teacher, data, stores, str(output))
    if first:
        wait_for_all()
    return file, stores, taught


def teach(
    teacher: VectorTeacher | None, data: Data, stores: Mapping[str, PairStore], output: str
) -> Taught:
    """Kind → the teacher's vectors of its distinct English texts, in the store's order."""
    if teacher is None:
        return {}
    taught = {}
    for kind in teacher.kinds:
        if not len(stores[kind]):
            continue
        texts = list(dict.fromkeys(english for _, english, _ in read_kind(data, kind)))
        if len(texts) != len(stores[kind].english):
            raise ConfigError(
                f"{output}/prepared: made from other files than data.{kind} now names; start anew with --restart"
            )
        taught[kind] = teacher_vectors(
            teacher.base, texts, Path(teacher.cache or Path(output) / "teacher"), teacher.max_tokens
        )
    return taught
