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

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.sentence_transformer.losses import Matryoshka2dLoss, MatryoshkaLoss

from lusifer.data import RowStore
from lusifer.encoding import CachedRows
from lusifer.errors import ConfigError
from lusifer.models import Bridge, sentence_transformer
from lusifer.training.adapters import add_lora, fold_lora
from lusifer.training.assemble import plan_bridge, ready, save_model
from lusifer.training.balance import Balance
from lusifer.training.contrastive_model import (
    add_heads,
    freeze_shared,
    is_bridge,
    save_beside,
    starting_bridge,
)
from lusifer.training.contrastive_recipe import ContrastiveRecipe, without_bridge
from lusifer.training.distributed import wanted
from lusifer.training.dynamic_negatives import Chooser, first_ones, stretches
from lusifer.training.losses.contrastive import ContrastiveLoss
from lusifer.training.losses.hybrid import HybridLoss
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.memory import kept_by_batch, largest, model_plan
from lusifer.training.padded_table import is_table, padded, save_table
from lusifer.training.pair_batches import Ints, PairBatches, PairSettings, held_pairs, split_stores
from lusifer.training.pairs import given, read_pairs
from lusifer.training.query_side import beside_its_base, frozen_vectors
from lusifer.training.reading import read_as, read_plainly
from lusifer.training.soft_mask import SoftMask
from lusifer.training.stage import Run, Save, Stage
from lusifer.training.texts import locate_root
from lusifer.training.trainers import BridgeSentenceTrainer, PartSentenceTrainer, SentenceTrainer


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
    read_plainly(model)
    if recipe.reading:
        read_as(model, recipe.reading, recipe.base)
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
    loss = ContrastiveLoss(
        model,
        recipe.loss,
        mini_batch_num_tokens=recipe.mini_batch_tokens,
        beside=Balance(model, recipe.balance, recipe.base or "") if recipe.balance else None,
    )
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
    columns = recipe.dynamic.candidates if recipe.dynamic else recipe.negatives
    return read_pairs(recipe.data, columns, root, folder, scored=recipe.scored)


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
    batches = PairBatches(settings, stores, model.tokenizer, longest, frozen, parts)
    if recipe.dynamic:
        batches.choice = first_ones(stores, recipe.negatives)
    return batches


class Contrastive(Stage[ContrastiveRecipe]):
    """The model's folder: a standard sentence-transformers model, a bridge, or a table of words."""

    name = "contrastive"
    holds_out = True
    recipe = ContrastiveRecipe

    def train(self, recipe: ContrastiveRecipe, run: Run) -> Save:
        # What the base does not take is told before anything is written.
        if recipe.dynamic and wanted():
            raise ConfigError(
                "dynamic embeds with the whole model, which FSDP spreads; launch with --multi_gpu (DDP)"
            )
        model = starting_model(recipe, "cpu" if wanted() else None)
        if recipe.reading and recipe.reading.attention == "soft":
            mask = SoftMask(model[0].auto_model, recipe.optim.steps)
            run = replace(run, watching=(*run.watching, mask))
        loss = make_loss(recipe, model)
        stores = read(recipe, run.prepared)
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
        held = held_pairs(batches, aside, recipe.batch_size)
        part = partial(
            run.phase,
            "contrastive",
            model,
            batches,
            recipe.optim,
            trainer=trainer,
            loss=loss,
            validated=True,
            held=held,
        )
        if recipe.dynamic:
            chooser = Chooser(batches, recipe.dynamic, recipe.negatives, recipe.optim, run.prepared)
            reached = 0
            for start, stop in stretches(recipe.optim.steps, recipe.dynamic.every):
                if reached < start:  # patience has ended the run: the best weights are taken
                    part()
                    break
                chooser.take(model, start, stop, reached)
                reached = part(until=stop)
        else:
            part()
        return partial(save, recipe, model)

    def plan(self, recipe: ContrastiveRecipe) -> dict[str, Any]:
        """What a run would do: rows by source, parameters, and a process's memory."""
        sources = recipe.data.sources
        bridged = recipe.bridge is not None or is_bridge(recipe.base)
        model = None if bridged else starting_model(recipe, "cpu")
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
            tokens = recipe.batch_size * length * texts
            config = recipe.bridge or starting_bridge(recipe.base, None)[0].config
            return {
                "rows": rows,
                **plan_bridge(config, tokens, length, recipe.optim, recipe.mini_batch_tokens),
            }
        all_sizes(recipe, model)
        if recipe.lora:
            add_lora(model, recipe.lora)
        kept = kept_by_batch(model, model, batch, recipe.mini_batch_tokens, recipe.optim.precision)
        cached = recipe.mini_batch_tokens is not None
        return {"rows": rows, **model_plan(model, kept, cached=cached)}


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
