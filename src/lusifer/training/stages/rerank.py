"""Rerank: a cross-encoder that reads a question and a passage together and gives one number, from
questions, their passages and mined negatives, or from a larger reranker's scores of them.

Method: the transformer reads each pair; over a row's positive and negatives the loss is the cross
entropy of the positive (`softmax`), of each by itself (`binary`), or the KL to a teacher's scores of
the same candidates (`teacher`: column `scores`, as for `contrastive`). Adapters alone are trained with
`lora`, and folded in. What is made is a standard sentence-transformers CrossEncoder. Cost: a pass of
(1 + negatives) pairs a row, and at search time one pair a passage: some hundred times an embedder's.
Not for finding among all passages: an embedder finds, this sorts what was found (monoBERT, arXiv
1901.04085; listwise softmax over mined negatives, arXiv 2101.08751).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lusifer.data import Mixing, RowStore
from lusifer.errors import ModelError
from lusifer.io import replacing_folder
from lusifer.models import Lora, cross_encoder, families, lora_config
from lusifer.training.adapters import fold_adapters
from lusifer.training.assemble import check_finite
from lusifer.training.distributed import wanted
from lusifer.training.memory import kept_by_batch, largest, model_plan
from lusifer.training.optim import Optim
from lusifer.training.pair_batches import (
    Ints,
    PairRows,
    PairSettings,
    Places,
    held_pairs,
    split_stores,
)
from lusifer.training.pairs import PairData, given, read_pairs
from lusifer.training.processes import Batch
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.texts import locate_root
from lusifer.training.trainers import PartStepTrainer
from lusifer.training.validation import Validation

HEAD = re.compile(r"(^|\.)(classifier|score|head|pooler)(\.|$)")


@dataclass(frozen=True)
class RerankRecipe:
    """Everything that `lusifer train` needs for a reranker. `base` is an encoder or a cross-encoder;
    `negatives` candidates stand beside a row's positive. `temperature` divides a teacher's scores.
    """

    stage: Literal["rerank"]
    output: str
    base: str
    data: PairData
    negatives: int = 7
    loss: Literal["softmax", "binary", "teacher"] = "softmax"
    temperature: float = 1.0
    lora: Lora | None = None
    mixing: Mixing = field(default_factory=lambda: Mixing(distinct="pairs"))
    seed: int = 0
    batch_size: int = 16
    optim: Optim = field(default_factory=lambda: Optim(lr=2e-5))
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        if self.negatives < 1:
            raise ValueError("negatives is 0; a reranker learns to tell a passage from others")
        if self.temperature <= 0:
            raise ValueError("temperature must be above 0")
        for source in self.data.sources:
            if not given(source):
                raise ValueError(
                    f"data.sources: {source.files[0]} has no column `negative`; `lusifer curate negatives` mines them"
                )
            if source.prompts:
                raise ValueError("a reranker takes no prompts")


class RankedPairs(PairRows):
    """Step → ids of (query, candidate) pairs, shape (rows, 1 + negatives, length), the positive
    first; a teacher's scores as the label.
    """

    def batch(self, chosen: Places) -> Batch:
        rows = self.texts(chosen)
        columns = 1 + min(len(row[2]) for row in rows)
        candidates = [(row[1], *row[2])[:columns] for row in rows]
        read = self.tokenizer(
            [row[0] for row in rows for _ in range(columns)],
            [text for texts in candidates for text in texts],
            padding=True,
            truncation="longest_first",
            max_length=self.max_tokens,
            return_tensors="pt",
        )
        batch: Batch = {
            name: value.view(len(rows), columns, -1)
            for name, value in read.items()
            if name in ("input_ids", "attention_mask", "token_type_ids")
        }
        if self.stores[0].numbers is not None:
            beside = [self.stores[source].beside(row)[:columns] for source, row in chosen]
            batch["teacher"] = torch.from_numpy(np.stack(beside))
        return batch


class CrossRanker(nn.Module):
    """A cross-encoder with its loss."""

    def __init__(self, model: Any, tokenizer: Any, recipe: RerankRecipe) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        self.kind, self.temperature = recipe.loss, recipe.temperature

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def forward(
        self, input_ids: torch.Tensor, teacher: torch.Tensor | None = None, **features: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Candidates (B, 1 + k, length), the right one first, to a scalar loss."""
        flat = {name: value.flatten(0, 1) for name, value in features.items()}
        logits = self.model(input_ids=input_ids.flatten(0, 1), **flat).logits
        scores = logits.float().view(input_ids.shape[:2])
        return {"loss": ranking_loss(scores, self.kind, teacher, self.temperature)}


def ranking_loss(
    scores: torch.Tensor, kind: str, teacher: torch.Tensor | None, temperature: float = 1.0
) -> torch.Tensor:
    """The loss of a row's candidates.

    Args:
        scores: (B, 1 + k), the right candidate first.
        kind: `softmax`, `binary` or `teacher`.
        teacher: (B, 1 + k), for `teacher`.
        temperature: divides the teacher's scores.

    Returns:
        A scalar, the mean over rows.
    """
    if kind == "softmax":
        return F.cross_entropy(scores, scores.new_zeros(len(scores), dtype=torch.long))
    if kind == "binary":
        due = torch.zeros_like(scores)
        due[:, 0] = 1
        return F.binary_cross_entropy_with_logits(scores, due)
    assert teacher is not None
    wanted = (teacher.float() / temperature).softmax(-1)
    return F.kl_div(scores.log_softmax(-1), wanted, reduction="batchmean")


def add_adapters(model: Any, lora: Lora) -> None:
    """Freeze the transformer, give it adapters, and leave its head to be trained whole."""
    from peft import inject_adapter_in_model

    config = lora_config(lora)
    config.exclude_modules = r".*\b(classifier|score|head|pooler)\b.*"
    inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "lora_" in name or bool(HEAD.search(name))


class Rerank(Stage[RerankRecipe]):
    """The reranker's folder, which sentence-transformers' `CrossEncoder` loads."""

    name = "rerank"
    holds_out = True
    recipe = RerankRecipe

    def train(self, recipe: RerankRecipe, run: Run) -> Save:
        cross = cross_encoder(recipe.base, seed=recipe.seed)  # before anything is written
        stores = read(recipe, run.prepared)
        if recipe.lora:
            add_adapters(cross.model, recipe.lora)
        if wanted():
            cross.model.to("cpu")
        ranker = CrossRanker(cross.model, cross.tokenizer, recipe)
        trained, aside = split_stores(stores, run.held_rows)
        batches = make_batches(recipe, cross, stores, trained)
        run.phase(
            "rerank",
            ranker,
            batches,
            recipe.optim,
            trainer=PartStepTrainer,
            validated=True,
            held=held_pairs(batches, aside, recipe.batch_size),
        )
        return partial(save, recipe, cross)

    def plan(self, recipe: RerankRecipe) -> dict[str, Any]:
        """What a run would do: rows by source, parameters, and a process's memory."""
        cross = cross_encoder(recipe.base, seed=recipe.seed)
        with tempfile.TemporaryDirectory(prefix="lusifer-plan-") as aside:
            stores = read(recipe, Path(aside))
            parts = [np.arange(len(store)) for store in stores]
            batch = largest(make_batches(recipe, cross, stores, parts), recipe.optim.batches)
            rows = {
                source.files[0]: len(store)
                for source, store in zip(recipe.data.sources, stores, strict=True)
            }
        cross = cross_encoder(recipe.base, seed=recipe.seed)
        if recipe.lora:
            add_adapters(cross.model, recipe.lora)
        flat = {name: batch[name].flatten(0, 1) for name in batch if name != "teacher"}
        kept = kept_by_batch(
            cross.model,
            lambda features: cross.model(**features),
            flat,
            precision=recipe.optim.precision,
        )
        return {"rows": rows, **model_plan(cross.model, kept)}


def read(recipe: RerankRecipe, folder: Path) -> list[RowStore]:
    """The recipe's rows, a store on disk a source. Raises ConfigError and DataError for wrong ones."""
    root, scored = locate_root(recipe.data.root), recipe.loss == "teacher"
    return read_pairs(recipe.data, recipe.negatives, root, folder, scored=scored)


def make_batches(
    recipe: RerankRecipe, cross: Any, stores: list[RowStore], parts: Sequence[Ints]
) -> RankedPairs:
    """The run's batches, by the cross-encoder's tokenizer."""
    if getattr(cross.tokenizer, "pad_token_id", None) is None:
        raise ModelError(f"{recipe.base}: its tokenizer has no padding token")
    settings = PairSettings(
        recipe.data, recipe.mixing, {}, recipe.batch_size, recipe.optim.batches, recipe.seed
    )
    return RankedPairs(settings, stores, cross.tokenizer, cross.max_seq_length, parts=parts)


def save(recipe: RerankRecipe, cross: Any, folder: Path) -> None:
    """Write the cross-encoder whole, adapters folded in."""
    if recipe.lora:
        fold_adapters(cross.model)
    check_finite(cross.model)
    with replacing_folder(folder) as aside, families.without_bars():
        cross.save_pretrained(str(aside))
