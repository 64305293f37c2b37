"""Contrastive learning: a question finds its passage among those of the batch and its hard
negatives; of a bridge (the paper's second stage), of any encoder, or of a table.

Method: the terms of `loss`, InfoNCE alone where it is not named (LUSIFER, arXiv 2501.00874, section
3.3; "Retrofitting Small Multilingual Models for Retrieval", arXiv 2510.14274); batches of one source
each (`data/mixing`), nested sizes (Matryoshka, arXiv 2205.13147), gradients cached over mini-batches
(GradCache, arXiv 2101.06983); each part is a setting that can be switched off. On several processes
documents are gathered with their gradients: the result is that of one process with the whole batch.
What is made is a standard sentence-transformers model. Cost: a pass for (2 + negatives) texts a
row, two forward passes with `mini_batch_tokens`. Not where an index of another model's vectors must
stay valid: `distill` keeps a space, `train: queries` the base's own.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from sentence_transformers.sentence_transformer.losses import Matryoshka2dLoss, MatryoshkaLoss

from lusifer.data import Mixing, RowStore
from lusifer.encoding import CachedRows
from lusifer.errors import ConfigError
from lusifer.models import (
    ENGLISH_IS_DISTILLED,
    Bridge,
    BridgeConfig,
    Lora,
    sentence_transformer,
)
from lusifer.training.adapters import add_lora, fold_lora
from lusifer.training.assemble import plan_bridge, ready, save_model
from lusifer.training.contrastive_model import (
    add_heads,
    freeze_shared,
    is_bridge,
    save_beside,
    starting_bridge,
)
from lusifer.training.losses.cached import check_mini_batch
from lusifer.training.losses.contrastive import ContrastiveLoss
from lusifer.training.losses.distillation import distinct
from lusifer.training.losses.hybrid import HybridLoss, check_hybrid
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.losses.pair_terms import PairTerm
from lusifer.training.losses.teacher_scores import TeacherScores
from lusifer.training.memory import kept_by_batch, largest, training_bytes
from lusifer.training.optim import Optim
from lusifer.training.padded_table import is_table, padded, save_table
from lusifer.training.pair_batches import Ints, PairBatches, PairSettings, held_pairs, split_stores
from lusifer.training.pairs import PairData, given, read_pairs
from lusifer.training.query_side import beside_its_base, frozen_vectors
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.texts import locate_root
from lusifer.training.trainers import BridgeSentenceTrainer, PartSentenceTrainer, SentenceTrainer
from lusifer.training.validation import Validation

TERMS = (InfoNCE, TeacherScores)  # so that both are choices where a recipe is read
# Parts that a bridge does without: it has adapters of its own, and trains both sides.
NOT_FOR_BRIDGES = ("lora", "adapter", "heads", "language", "matryoshka_layers")


@dataclass(frozen=True)
class Adapter:
    """An adapter that is kept beside the backbone, as `name`, and taken for `prompts` (its own name
    without).
    """

    name: str
    prompts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.name):
            raise ValueError(f"adapter.name is {self.name!r}; letters, digits, _ and - make a name")


@dataclass(frozen=True)
class Hybrid:
    """Sparse and multi-vector heads beside the dense vector, of `dim` numbers a token; `distill`:
    each learns from the sum of all.
    """

    dim: int = 128
    distill: bool = True


@dataclass(frozen=True)
class ContrastiveRecipe:
    """Everything that `lusifer train` needs for contrastive learning. `base` is an encoder, a
    sentence-transformers model, a bridge or a table; `bridge` one to make, or, where `base` is a
    bridge, what of it is trained.

    `matryoshka` are further sizes at which the first numbers of a vector are to serve alone,
    `matryoshka_layers` how many earlier layers a step trains beside the last (2D Matryoshka).
    `mini_batch_tokens` caches gradients. `heads` adds sparse and multi-vector scores. `lora` trains
    adapters, which are folded in at the end, or kept beside the backbone for some prompts alone
    (`adapter`). `train: queries` leaves documents as `base` embeds them: an index that it made
    stays valid. `language` names an X-MOD model's language module, which stays as it is. A bridge's
    prompts are its own.
    """

    stage: Literal["contrastive"]
    output: str
    data: PairData
    base: str | None = None
    bridge: BridgeConfig | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    batch_size: int = 256
    negatives: int = 7
    loss: tuple[PairTerm, ...] = (InfoNCE(),)
    mixing: Mixing = field(default_factory=Mixing)
    matryoshka: tuple[int, ...] = ()
    matryoshka_layers: int = 0
    mini_batch_tokens: int | None = None
    heads: Hybrid | None = None
    lora: Lora | None = None
    adapter: Adapter | None = None
    train: Literal["both", "queries"] = "both"
    language: str | None = None
    optim: Optim = field(default_factory=lambda: Optim(lr=2e-5))
    validation: Validation | None = None
    log: Logger | None = None

    @property
    def scored(self) -> bool:
        """Whether a term wants a teacher's scores."""
        return any(term.scored for term in self.loss)

    def __post_init__(self) -> None:
        distinct(self.loss)
        if self.base is None and self.bridge is None:
            raise ValueError("name a base to go on from, or a bridge to make")
        if self.bridge is not None and self.bridge.english == "target":
            raise ValueError(ENGLISH_IS_DISTILLED)
        if self.negatives < 0:
            raise ValueError("negatives must be 0 or more")
        if unknown := sorted(set(self.prompts) - {"query", "document"}):
            raise ValueError(f"prompts are for query and document, not {', '.join(unknown)}")
        check_mini_batch(self.mini_batch_tokens)
        if self.matryoshka_layers < 0:
            raise ValueError("matryoshka_layers must be 0 or more")
        if self.matryoshka_layers and (not self.matryoshka or self.mini_batch_tokens):
            raise ValueError(
                "matryoshka_layers goes with matryoshka, and without mini_batch_tokens"
            )
        queries = self.train == "queries"
        if self.adapter and (not self.lora or queries):
            raise ValueError("adapter wants lora, and goes without train: queries")
        more = self.matryoshka or self.mini_batch_tokens or self.scored
        if self.heads and (
            more or self.lora or queries or [t.kind for t in self.loss] != ["info_nce"]
        ):
            raise ValueError(
                "heads go with the term info_nce alone, and without matryoshka, mini_batch_tokens, lora and train: queries"
            )
        if self.heads and isinstance(self.loss[0], InfoNCE):  # its only term, as was checked
            check_hybrid(self.loss[0])
        named = [source for source in self.data.sources if source.prompts]
        if named and (queries or self.adapter):
            raise ValueError(
                "a source's prompts go without train: queries, whose documents stay as they are, and without adapter"
            )
        if self.validation and self.validation.tasks and (queries or self.heads):
            raise ValueError(
                "validation.tasks measure one dense model: with heads, or train: queries, hold out validation.rows"
            )
        if queries and more:
            raise ValueError(
                "train: queries goes without matryoshka, mini_batch_tokens and the term scores"
            )
        if self.scored and not self.negatives:
            raise ValueError("a teacher ranks a positive and its negatives; negatives is 0")
        if self.bridge is not None:
            without_bridge(self)


def without_bridge(recipe: ContrastiveRecipe) -> None:
    """Raise ValueError for what a bridge does without."""
    named = [name for name in NOT_FOR_BRIDGES if getattr(recipe, name)]
    named += ["prompts (name them as bridge.prompts)"] if recipe.prompts else []
    named += ["train: queries"] if recipe.train == "queries" else []
    if named:
        raise ValueError(f"a bridge takes no {', no '.join(named)}")


def starting_model(recipe: ContrastiveRecipe, device: str | None = None) -> Any:
    """The base with the recipe's prompts, or the bridge, on `device` or the best there is.

    Raises:
        ModelError: where the base has no module for the recipe's language, or is no bridge.
        ConfigError: for what a table or a bridge does without.
    """
    if recipe.bridge is not None or is_bridge(recipe.base):
        try:
            without_bridge(recipe)
        except ValueError as error:
            raise ConfigError(f"{recipe.base}: {error}") from None
        return starting_bridge(recipe.base, recipe.bridge)
    assert recipe.base is not None
    model = sentence_transformer(recipe.base, device=device, language=recipe.language)
    if is_table(model):
        for name in ("lora", "heads"):
            if getattr(recipe, name):
                raise ConfigError(f"{recipe.base}: is a table of words, so it takes no {name}")
        if recipe.train == "queries" or recipe.matryoshka_layers:
            raise ConfigError(
                f"{recipe.base}: is a table of words, so it takes no train: queries and no matryoshka_layers"
            )
        model = padded(model)
    if recipe.language:
        freeze_shared(model)
    if recipe.prompts:
        model.prompts, model.default_prompt_name = (
            dict(recipe.prompts),
            "document" if recipe.prompts.get("document") else None,
        )
    return model


def own_prompts(recipe: ContrastiveRecipe, model: Any) -> dict[str, str]:
    """The prompts that are trained with: the recipe's, or else the base's, since it is saved with
    them and will be used with them.
    """
    return dict(recipe.prompts) or {
        side: model.prompts[side] for side in ("query", "document") if model.prompts.get(side)
    }


def make_loss(recipe: ContrastiveRecipe, model: Any) -> torch.nn.Module:
    """The terms, at all sizes and layers."""
    if recipe.heads:
        (contrast,) = recipe.loss
        assert isinstance(contrast, InfoNCE)
        return HybridLoss(model, contrast, distill=recipe.heads.distill)
    loss = ContrastiveLoss(model, recipe.loss, mini_batch_num_tokens=recipe.mini_batch_tokens)
    sizes = all_sizes(recipe, model)
    if len(sizes) == 1:
        return loss
    if recipe.matryoshka_layers:
        layers = recipe.matryoshka_layers
        nested: torch.nn.Module = Matryoshka2dLoss(
            model, loss, sizes, n_layers_per_step=layers, n_dims_per_step=-1
        )
    else:
        nested = MatryoshkaLoss(model, loss, sizes)
    return nested


def all_sizes(recipe: ContrastiveRecipe, model: Any) -> list[int]:
    """The model's own size and the smaller ones that its first numbers are trained for. Raises
    ConfigError for one that is not smaller.
    """
    whole = model.get_embedding_dimension()
    if wrong := [size for size in recipe.matryoshka if not 0 < size < whole]:
        raise ConfigError(
            f"matryoshka names {wrong[0]}; sizes are from 1 to below the model's {whole}"
        )
    return [whole, *recipe.matryoshka]


def keep_prompts(recipe: ContrastiveRecipe, model: Any) -> None:
    """Put the sources' instructions into a model's prompts, by the names of their tasks
    (`xquad-query`), as `lusifer evaluate` and mteb look for them.
    """
    for source in recipe.data.sources:
        for side, own in source.prompts.items():
            if source.task:
                model.prompts[f"{source.task}-{side}"] = own[0]


def read(recipe: ContrastiveRecipe, folder: Path) -> list[RowStore]:
    """The recipe's rows, a store on disk a source. Raises ConfigError and DataError for wrong ones."""
    root = locate_root(recipe.data.root)
    return read_pairs(recipe.data, recipe.negatives, root, folder, scored=recipe.scored)


def make_batches(
    recipe: ContrastiveRecipe,
    model: Any,
    stores: list[RowStore],
    frozen: list[CachedRows] | None = None,
    parts: Sequence[Ints] | None = None,
) -> PairBatches:
    """The run's batches, by the model's tokenizer and prompts."""
    bridge = model[0] if isinstance(model[0], Bridge) else None
    prompts = dict(bridge.config.prompts) if bridge else own_prompts(recipe, model)
    longest = bridge.config.max_tokens if bridge else model.max_seq_length
    settings = PairSettings(
        recipe.data, recipe.mixing, prompts, recipe.batch_size, recipe.optim.batches, recipe.seed
    )
    return PairBatches(settings, stores, model.tokenizer, longest, frozen, parts)


class Contrastive(Stage[ContrastiveRecipe]):
    """The model's folder: a standard sentence-transformers model, a bridge, or a table of words."""

    name = "contrastive"
    holds_out = True
    recipe = ContrastiveRecipe

    def spreads(self, recipe: ContrastiveRecipe) -> bool:
        """A bridge has frozen weights."""
        return recipe.bridge is not None or is_bridge(recipe.base)

    def train(self, recipe: ContrastiveRecipe, run: Run) -> Save:
        stores = read(recipe, run.prepared)
        model = starting_model(recipe)
        frozen = None
        if recipe.train == "queries":
            assert recipe.base is not None
            plain = sentence_transformer(recipe.base, language=recipe.language)
            prompt = own_prompts(recipe, plain).get("document", "")
            length = recipe.data.max_tokens
            frozen = frozen_vectors(plain, recipe.base, prompt, length, stores, run.prepared)
        keep_prompts(recipe, model)
        trained, aside = split_stores(stores, run.held_rows)
        batches = make_batches(recipe, model, stores, frozen, trained)
        trainer: type[Any] = SentenceTrainer
        if isinstance(model[0], Bridge):
            ready(model[0], recipe.optim)
            trainer = BridgeSentenceTrainer
        if recipe.lora:
            add_lora(model, recipe.lora)
        if recipe.heads:
            add_heads(model, recipe.heads.dim)
        if recipe.lora or recipe.language or recipe.heads or is_table(model):
            trainer = PartSentenceTrainer
        loss = make_loss(recipe, model)
        held = held_pairs(batches, aside, recipe.batch_size)
        run.phase(
            "contrastive",
            model,
            batches,
            recipe.optim,
            trainer=trainer,
            loss=loss,
            validated=True,
            held=held,
        )
        return partial(save, recipe, model)

    def plan(self, recipe: ContrastiveRecipe) -> dict[str, Any]:
        """What a run would do: rows by source, parameters, and a process's memory."""
        sources = recipe.data.sources
        model = None if self.spreads(recipe) else starting_model(recipe, "cpu")
        with tempfile.TemporaryDirectory(prefix="lusifer-plan-") as aside:
            stores = read(recipe, Path(aside))
            rows = {
                source.files[0]: len(store) for source, store in zip(sources, stores, strict=True)
            }
            batch = (
                largest(make_batches(recipe, model, stores), recipe.optim.batches) if model else {}
            )
        if model is None:
            texts = 2 + max(min(recipe.negatives, given(source)) for source in sources)
            length = recipe.data.max_tokens
            tokens = recipe.mini_batch_tokens or recipe.batch_size * length * texts
            config = recipe.bridge or starting_bridge(recipe.base, None)[0].config
            return {"rows": rows, **plan_bridge(config, tokens, length, recipe.optim)}
        all_sizes(recipe, model)
        total = sum(p.numel() for p in model.parameters())
        if recipe.lora:
            add_lora(model, recipe.lora)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        kept = kept_by_batch(model, model, batch, recipe.mini_batch_tokens, recipe.optim.precision)
        return {
            "rows": rows,
            "parameters": {"total": total, "trained": trained},
            "memory_bytes": training_bytes(
                total * 4, trained, kept, cached=recipe.mini_batch_tokens is not None
            ),
        }


def save(recipe: ContrastiveRecipe, model: Any, folder: Path) -> None:
    """Write what was trained: whole, beside its base, or as an adapter."""
    base = recipe.base or ""
    if recipe.adapter and recipe.lora:
        names = recipe.adapter.prompts or (recipe.adapter.name,)
        save_beside(base, recipe.lora, recipe.adapter.name, names, recipe.prompts, model, folder)
        return
    if recipe.lora:
        fold_lora(model)
    if is_table(model):
        save_table(model, base, folder)
        return
    if recipe.train == "queries":
        device = str(model.device)
        plain = sentence_transformer(base, language=recipe.language, device=device)
        model = beside_its_base(model, plain)
    save_model(model, folder)
