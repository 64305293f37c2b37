"""A compact student of a multilingual teacher: its vector of every text, in every language, from a
fraction of its layers and pieces.

Method: the student starts as the teacher with fewer layers and the pieces that the texts need
(`reshaping/trim.py`), then a linear layer after its pooling, fitted in closed form to the teacher's
vectors (`head`), and is trained on the teacher's vectors of the texts themselves, no translation
needed: squared error of the centred vectors in units of their variance, and the divergence of
similarity distributions within the batch (SEED, arXiv 2101.04731). Centred, because a contrastive
teacher's vectors share one large direction (all cosines of multilingual-e5-small lie above .7),
which hides what differs. The table may be trained in the four bits that it is kept in. The
teacher's vectors come from `lusifer encode`, so that a machine's idle hours can make them first,
and a longer run uses the shards that have been added. Cost: three student's passes a text and
epoch, and one of the teacher, once. Not where the teacher is English alone: distill a bridge, or
by the method `parallel` with parallel text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer

from lusifer.data import Drawn, TokenStore
from lusifer.encoding import read_shards
from lusifer.errors import ConfigError
from lusifer.io import replacing_folder, write_array
from lusifer.models import no_dropout, padded, sentence_transformer
from lusifer.training.assemble import save_model
from lusifer.training.losses.cached import ColumnLoss, Loss, check_mini_batch
from lusifer.training.losses.distances import RawError
from lusifer.training.losses.distillation import Term, distillation, distinct
from lusifer.training.memory import kept_by_batch, longest_batch, model_plan
from lusifer.training.optim import Optim
from lusifer.training.output import PREPARED
from lusifer.training.processes import Batch, mean_count, wait_for_all
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.student_model import (
    HEAD_TEXTS,
    StudentStart,
    add_head,
    keep_four_bits,
    starting,
    train_in_four_bits,
    whiten,
)
from lusifer.training.texts import POOL
from lusifer.training.trainers import SentenceTrainer
from lusifer.training.validation import Held, Validation

log = logging.getLogger(__name__)

LOOKED_AT = 1000  # texts of which a dry run takes the longest


@dataclass(frozen=True)
class VectorData:
    """Finished shards of `lusifer encode` with the column `text` kept, in one folder or in several;
    `shards` of them in all (null for all that are there).
    """

    vectors: tuple[str, ...]
    shards: int | None = None
    max_tokens: int = 128


@dataclass(frozen=True)
class StudentRecipe:
    """Everything that `lusifer train` needs for a student. `batch_tokens` bounds a step's tokens,
    padding included; `mini_batch_tokens` caches gradients (GradCache) over parts of so many.

    `whiten` evens out, in the end, the variances of the vectors' principal axes by that power (1 is
    whitening), and centres them: what the student could not learn lies along the teacher's largest
    axes. Its vectors are no longer the teacher's then.

    `texts` say what `lusifer curate draw` draws, whose vectors `data` then names; training itself
    reads the vectors alone.
    """

    stage: Literal["distill"]
    method: Literal["vectors"]
    output: str
    start: StudentStart
    data: VectorData
    texts: Drawn | None = None
    seed: int = 0
    batch_tokens: int = 6144
    mini_batch_tokens: int | None = None
    whiten: float | None = None
    loss: tuple[Term, ...] = (RawError(),)
    optim: Optim = field(default_factory=lambda: Optim(lr=3e-4))
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        distinct(self.loss)
        check_mini_batch(self.mini_batch_tokens)
        if self.whiten is not None and not 0 <= self.whiten <= 1:
            raise ValueError(
                f"whiten is {self.whiten}; it is a power from 0 (a rotation) to 1, or null for none"
            )


def prepare(recipe: StudentRecipe, folder: Path) -> None:
    """What a run makes once: the untrained student, the texts' token ids, and the teacher's vectors
    in half precision.
    """
    if (folder / "vectors.npy").exists():
        return
    texts, vectors = read_taught(recipe.data)
    if len(texts) < 2:
        raise ConfigError(
            f"{', '.join(recipe.data.vectors)}: holds {len(texts)} texts; a student needs two at least, and far more to be good"
        )
    model = starting(recipe.start, texts)
    if recipe.start.head:
        add_head(model, texts[:HEAD_TEXTS], vectors[:HEAD_TEXTS])
    with replacing_folder(folder / "start") as aside:
        model.save(str(aside), create_model_card=False)
    TokenStore.build(plain_tokenizer(model), texts, recipe.data.max_tokens - 2).save(
        folder / "tokens"
    )
    write_array(folder / "vectors.npy", vectors)


def read_taught(
    data: VectorData, enough: int | None = None
) -> tuple[list[str], npt.NDArray[np.float16]]:
    """The texts, and the teacher's vectors of them, (n, d); of the first shards alone that hold
    `enough` texts, where that is said.
    """
    texts, vectors = list[str](), list[npt.NDArray[np.float16]]()
    shards = chain.from_iterable(read_shards(folder, "text") for folder in data.vectors)
    for number, (_, values, found) in enumerate(shards, 1):
        texts.extend(values)
        vectors.append(found.astype(np.float16))
        if number == data.shards or (enough is not None and len(texts) >= enough):
            break
    return texts, np.concatenate(vectors)


def sample_texts(recipe: StudentRecipe) -> list[str]:
    """Up to `HEAD_TEXTS` of the texts, at random, of all folders."""
    texts, _ = read_taught(recipe.data)
    order = np.random.default_rng([recipe.seed, 23]).permutation(len(texts))
    return [texts[row] for row in order[:HEAD_TEXTS]]


def plain_tokenizer(model: SentenceTransformer) -> Any:
    """The model's tokenizer, which neither cuts nor pads."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class StudentBatches:
    """Step → token ids and the teacher's vectors: a new permutation an epoch, cut into pools of
    like length, each into batches.

    Batches hold different numbers of texts but about the same number of tokens, so that a step's
    time does not depend on lengths.
    """

    def __init__(
        self,
        recipe: StudentRecipe,
        folder: Path,
        model: SentenceTransformer,
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """`rows` of the store are read; without them all."""
        self.store = TokenStore.open(folder / "tokens")
        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self.seed, self.budget = recipe.seed, recipe.batch_tokens
        tokenizer = model.tokenizer
        self.first, self.last, self.pad = (
            tokenizer.cls_token_id,
            tokenizer.sep_token_id,
            tokenizer.pad_token_id,
        )
        self.lengths = self.store.lengths + 2
        self.own = np.arange(len(self.store)) if rows is None else rows
        mean = float(np.minimum(self.lengths, recipe.data.max_tokens).mean())
        self.size = max(2, round(POOL * recipe.batch_tokens / mean))
        self._counts: list[int] = []
        self._cached: tuple[int, list[npt.NDArray[np.int64]]] = (-1, [])

    def in_all(self) -> int:
        """How many batches hold each text once."""
        return self._count(0)

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The texts of a step; epochs hold different numbers of batches, so they are counted from
        the first on.
        """
        epoch = 0
        while step >= self._count(epoch):
            step -= self._count(epoch)
            epoch += 1
        return self._of(epoch)[step]

    def _count(self, epoch: int) -> int:
        while len(self._counts) <= epoch:
            self._counts.append(len(self._of(len(self._counts))))
        return self._counts[epoch]

    def _of(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        if self._cached[0] != epoch:
            self._cached = (epoch, list(self._cut(epoch)))
        return self._cached[1]

    def _cut(self, epoch: int) -> Iterator[npt.NDArray[np.int64]]:
        order = self.own[np.random.default_rng([self.seed, 21, epoch]).permutation(len(self.own))]
        for pool in range(0, len(order), self.size):
            rows = order[pool : pool + self.size]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            cuts, width, begin = list[npt.NDArray[np.int64]](), 0, 0
            for i, row in enumerate(rows):
                width = int(self.lengths[row])
                if (i + 1 - begin) * width > self.budget and i - begin >= 2:
                    cuts.append(rows[begin:i])
                    begin = i
            if len(rows) - begin >= 2:
                cuts.append(rows[begin:])
            yield from (
                cuts[i]
                for i in np.random.default_rng([self.seed, 22, epoch, pool]).permutation(len(cuts))
            )

    def __call__(self, step: int) -> Batch:
        rows = self.rows(step)
        ids, mask = padded(
            [np.concatenate([[self.first], self.store[int(row)], [self.last]]) for row in rows],
            self.pad,
        )
        label = torch.from_numpy(
            self.vectors[np.sort(rows)][np.argsort(np.argsort(rows))].astype(np.float32)
        )
        return {
            "text_input_ids": torch.from_numpy(ids),
            "text_attention_mask": torch.from_numpy(mask),
            "label": label,
        }


class VectorLoss(ColumnLoss):
    """The student's unit vectors against the teacher's, (n, d) both: centred at the teacher's mean, in
    units of its standard deviation.
    """

    centre: torch.Tensor
    variance: torch.Tensor

    def __init__(
        self,
        model: SentenceTransformer,
        terms: tuple[Term, ...],
        vectors: npt.NDArray[np.float16],
        mini_batch_tokens: int | None = None,
    ) -> None:
        super().__init__(model, mini_batch_tokens)
        self.terms = terms
        sample = torch.from_numpy(vectors[: 1 << 16].astype(np.float32))
        self.register_buffer("centre", sample.mean(0))
        self.register_buffer("variance", (sample - sample.mean(0)).pow(2).sum(-1).mean())

    def of(self, columns: list[torch.Tensor], labels: torch.Tensor) -> Loss:
        student = F.normalize(columns[0].float(), dim=-1)
        teacher = F.normalize(labels.float(), dim=-1)
        student, teacher = ((v - self.centre) / self.variance.sqrt() for v in (student, teacher))
        found = distillation(student, teacher, self.terms)
        rows = torch.tensor(float(len(labels)), device=labels.device)
        share = rows / mean_count(rows)  # 1, unless processes hold different numbers of texts
        return {name: loss * share for name, loss in found.items()}


class Student(Stage[StudentRecipe]):
    """The student's folder, a standard sentence-transformers model."""

    name = "distill"
    method = "vectors"
    holds_out = True
    recipe = StudentRecipe

    def check(self, recipe: StudentRecipe, *, restart: bool) -> None:
        """Whether the teacher's vectors are there, unless a run has them already."""
        if restart or not (Path(recipe.output) / PREPARED / "vectors.npy").exists():
            for folder in recipe.data.vectors:
                next(iter(read_shards(folder, "text")))

    def train(self, recipe: StudentRecipe, run: Run) -> Save:
        if run.first:
            prepare(recipe, run.prepared)
        wait_for_all()
        model = sentence_transformer(run.prepared / "start")
        # The teacher's vectors are the signal: noise on the way to them only blurs it.
        no_dropout(model)
        if recipe.start.four_bits:
            train_in_four_bits(model)
        store = TokenStore.open(run.prepared / "tokens")
        order = np.random.default_rng([recipe.seed, 23]).permutation(len(store))
        aside = np.sort(order[: min(run.held_rows, len(order) // 2)])
        batches = StudentBatches(recipe, run.prepared, model, np.sort(order[len(aside) :]))
        held = StudentBatches(recipe, run.prepared, model, aside) if len(aside) else None
        loss = VectorLoss(model, recipe.loss, batches.vectors, recipe.mini_batch_tokens)
        run.phase(
            "student",
            model,
            batches,
            recipe.optim,
            trainer=SentenceTrainer,
            loss=loss,
            validated=True,
            held=Held(held.in_all(), held) if held else None,
        )

        def save(folder: Path) -> None:
            keep_four_bits(model)
            if recipe.whiten is not None:
                whiten(model, sample_texts(recipe), recipe.whiten)
            save_model(model, folder)

        return save

    def plan(self, recipe: StudentRecipe) -> dict[str, Any]:
        """What a run would do: texts, parameters, a memory estimate. Trains nothing."""
        texts, _ = read_taught(recipe.data)
        model = starting(recipe.start, texts)
        no_dropout(model)
        tokens = recipe.mini_batch_tokens or recipe.batch_tokens
        batch = longest_batch(model, islice(texts, LOOKED_AT), tokens)
        kept = kept_by_batch(model, model, batch, precision=recipe.optim.precision)
        return {
            "rows": {"texts": len(texts)},
            **model_plan(model, kept, cached=recipe.mini_batch_tokens is not None),
        }
