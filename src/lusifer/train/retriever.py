"""The compact retriever: a multilingual encoder taught by pairs of questions and passages, hard negatives among them.

Method: contrastive learning with in-batch and given negatives (`contrast`), batches of one source each (`data/mixing`), nested sizes
(Matryoshka, arXiv 2205.13147), gradients cached over mini-batches (GradCache), as "Retrofitting Small Multilingual Models for
Retrieval" (arXiv 2510.14274) and the compact models of the field; each part is a setting that can be switched off. What is made is a
standard sentence-transformers model. Cost: a pass for (2 + negatives) texts a row, two forward passes with `mini_batch_tokens`. Not
where an index of another model's vectors must stay valid: `distil` keeps a space.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from sentence_transformers import SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

from lusifer.data.mixing import Mix, Mixing
from lusifer.data.sources import Source, require
from lusifer.errors import ConfigError
from lusifer.models.load import sentence_transformer
from lusifer.train.assemble import save_model
from lusifer.train.contrast import Contrast
from lusifer.train.contrastive_loss import ContrastiveLoss
from lusifer.train.finetune import Row, given, rows_of, tokenise_rows
from lusifer.train.loop import Batch, Optim, StepBatches, arguments, claim, run_phase
from lusifer.train.texts import locate_root
from lusifer.train.trainers import SentenceTrainer


@dataclass(frozen=True)
class WeightedSource(Source):
    """A source and how often it is drawn, beside its size: 2 twice as often, 0 never."""

    weight: float = 1.0


@dataclass(frozen=True)
class PairData:
    """Sources with columns `query`, `document` and as many `negative` (`negative`, `negative_2`, …) as there are."""

    root: str = "."
    sources: tuple[WeightedSource, ...] = ()
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")


@dataclass(frozen=True)
class Recipe:
    """Everything that `lusifer train` needs for a retriever. `base` is an encoder or a sentence-transformers model.

    `matryoshka` are further sizes at which the first numbers of a vector are to serve alone. `mini_batch_tokens` caches gradients.
    """

    stage: Literal["retriever"]
    output: str
    base: str
    data: PairData
    prompts: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    batch_size: int = 256
    negatives: int = 7
    contrast: Contrast = field(default_factory=Contrast)
    mixing: Mixing = field(default_factory=Mixing)
    matryoshka: tuple[int, ...] = ()
    mini_batch_tokens: int | None = None
    optim: Optim = field(default_factory=lambda: Optim(lr=2e-5))

    def __post_init__(self) -> None:
        if self.negatives < 0:
            raise ValueError("negatives must be 0 or more")
        if set(self.prompts) - {"query", "document"}:
            raise ValueError(f"prompts are for query and document, not {', '.join(sorted(set(self.prompts) - {'query', 'document'}))}")
        if self.mini_batch_tokens is not None and self.mini_batch_tokens < 1:
            raise ValueError("mini_batch_tokens must be at least 1 (or null)")


def run(recipe: Recipe, *, restart: bool = False) -> Path:
    """Train; returns the model's folder (`output/model`)."""
    root = locate_root(recipe.data.root)
    output = claim(recipe.output, recipe, restart=restart)
    final = output / "model"
    if (final / "modules.json").exists():
        return final
    torch.manual_seed(recipe.seed)
    sources = read(recipe, root)
    model = sentence_transformer(recipe.base)
    if recipe.prompts:
        model.prompts, model.default_prompt_name = dict(recipe.prompts), "document" if recipe.prompts.get("document") else None
    args = arguments(recipe.optim, output / "retriever", recipe.seed, SentenceTransformerTrainingArguments)
    batches = StepBatches(recipe.optim.steps, Batches(recipe, sources, model))
    trainer = SentenceTrainer(model=model, args=args, train_dataset=batches, loss=make_loss(recipe, model))
    run_phase(trainer, "retriever")
    if trainer.is_world_process_zero():
        save_model(model, final)
    return final


def make_loss(recipe: Recipe, model: Any) -> torch.nn.Module:
    """The contrast, at all sizes."""
    loss = ContrastiveLoss(model, recipe.contrast, mini_batch_num_tokens=recipe.mini_batch_tokens)
    if not recipe.matryoshka:
        return loss
    whole = model.get_embedding_dimension()
    wrong = [size for size in recipe.matryoshka if not 0 < size < whole]
    if wrong:
        raise ConfigError(f"matryoshka names {wrong[0]}; sizes are from 1 to below the model's {whole}")
    nested: torch.nn.Module = MatryoshkaLoss(model, loss, [whole, *recipe.matryoshka])
    return nested


def read(recipe: Recipe, root: Path) -> list[list[Row]]:
    """Each source's rows, with as many negatives as it has columns for, or the recipe's. Raises ConfigError where one is empty."""
    sources = []
    for source in recipe.data.sources:
        require(source, ("query", "document"), "data.sources")
        sources.append(rows_of(source, root, min(recipe.negatives, given(source)), english_only=False))
        if not sources[-1]:
            raise ConfigError(f"data.sources: {source.files[0]} holds no pair of a query and another text")
    return sources


class Batches:
    """Step → token ids of queries, documents and negatives, prompts put before them."""

    def __init__(self, recipe: Recipe, sources: list[list[Row]], model: Any) -> None:
        self.sources, self.tokenizer, self.prompts = sources, model.tokenizer, recipe.prompts
        self.max_tokens = min(recipe.data.max_tokens, model.max_seq_length or recipe.data.max_tokens)
        negatives = recipe.mixing.distinct == "all"
        texts = [[frozenset((q, d, *n) if negatives else (q, d)) for q, d, n in rows] for rows in sources]
        weights = [source.weight for source in recipe.data.sources]
        self.mix = Mix(texts, weights, recipe.mixing, recipe.batch_size, recipe.optim.steps, recipe.seed)

    def __call__(self, step: int) -> Batch:
        rows = [self.sources[s][i] for s, i in self.mix(step).tolist()]
        return tokenise_rows(rows, self.tokenizer, self.prompts, self.max_tokens)


def plan(recipe: Recipe) -> dict[str, Any]:
    """What a run would do: rows by source, parameters, and a process's memory."""
    sources = read(recipe, locate_root(recipe.data.root))
    model = sentence_transformer(recipe.base, device="cpu")
    count = sum(p.numel() for p in model.parameters())
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    texts = 2 + max(len(rows[0][2]) for rows in sources)
    tokens = recipe.mini_batch_tokens or recipe.batch_size * recipe.data.max_tokens * texts
    kept = 34 * config.num_hidden_layers * config.hidden_size if config is not None else 0  # bytes a token, as in train/assemble
    return {
        "rows": {source.files[0]: len(rows) for source, rows in zip(recipe.data.sources, sources, strict=True)},
        "parameters": {"total": count, "trained": count},
        "memory_bytes": count * 16 + tokens * kept,
    }
