"""The compact retriever: a multilingual encoder taught by pairs of questions and passages, hard
negatives among them.

Method: contrastive learning with in-batch and given negatives (`contrast`), batches of one source
each (`data/mixing`), nested sizes (Matryoshka, arXiv 2205.13147), gradients cached over
mini-batches (GradCache), as "Retrofitting Small Multilingual Models for Retrieval" (arXiv
2510.14274) and the compact models of the field; each part is a setting that can be switched off.
What is made is a standard sentence-transformers model. Cost: a pass for (2 + negatives) texts a
row, two forward passes with `mini_batch_tokens`. Not where an index of another model's vectors must
stay valid: `distill` keeps a space.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sentence_transformers.sentence_transformer.losses import Matryoshka2dLoss, MatryoshkaLoss

from lusifer.data.mixing import Mix, Mixing
from lusifer.data.row_store import KeySets, RowStore
from lusifer.data.sources import Source, read_source, require
from lusifer.encoding.cache import CachedRows
from lusifer.errors import ConfigError, DataError
from lusifer.io.files import replacing_folder
from lusifer.models import hub
from lusifer.models.adapters import write_adapter
from lusifer.models.bridge import Lora, lora_config
from lusifer.models.heads import Heads
from lusifer.models.sentence_transformer import sentence_transformer
from lusifer.training.adapters import add_lora, fold_lora
from lusifer.training.assemble import save_model
from lusifer.training.loop import Batch, Optim, rank_and_world, wait_for_all
from lusifer.training.losses.contrastive import ContrastiveLoss
from lusifer.training.losses.hybrid import HybridLoss
from lusifer.training.losses.info_nce import Contrast
from lusifer.training.memory import activation_bytes, training_bytes
from lusifer.training.padded_table import is_table, padded, save_table
from lusifer.training.query_side import add_frozen, beside_its_base, frozen_vectors
from lusifer.training.stage import Run, Save, Stage
from lusifer.training.stages.finetune import Row, given, pairs_in, tokenise_rows
from lusifer.training.texts import locate_root
from lusifer.training.trainers import PartSentenceTrainer, SentenceTrainer


@dataclass(frozen=True)
class WeightedSource(Source):
    """A source and how often it is drawn, beside its size: 2 twice as often, 0 never."""

    weight: float = 1.0


@dataclass(frozen=True)
class WeightedPairData:
    """Sources with columns `query`, `document` and as many `negative` (`negative`, `negative_2`, …)
    as there are.
    """

    root: str = "."
    sources: tuple[WeightedSource, ...] = ()
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")


@dataclass(frozen=True)
class RankingTeacher:
    """A KL term to the column `scores` of the sources: a reranker's (temperature 1) or a larger
    embedder's cosines (about 0.05).
    """

    weight: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.weight < 0 or self.temperature <= 0:
            raise ValueError("teacher.weight must be 0 or more, teacher.temperature above 0")


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
class RetrieverRecipe:
    """Everything that `lusifer train` needs for a retriever. `base` is an encoder or a
    sentence-transformers model.

    `matryoshka` are further sizes at which the first numbers of a vector are to serve alone,
    `matryoshka_layers` how many earlier layers a step trains beside the last (2D Matryoshka).
    `mini_batch_tokens` caches gradients. `heads` adds sparse and multi-vector scores. `lora` trains
    adapters, which are folded in at the end, or kept beside the backbone for some prompts alone
    (`adapter`). `train: queries` leaves documents as `base` embeds them: an index that it made
    stays valid. `language` names an X-MOD model's language module, which stays as it is.
    """

    stage: Literal["retriever"]
    output: str
    base: str
    data: WeightedPairData
    prompts: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    batch_size: int = 256
    negatives: int = 7
    contrast: Contrast = field(default_factory=Contrast)
    teacher: RankingTeacher | None = None
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

    def __post_init__(self) -> None:
        if self.negatives < 0:
            raise ValueError("negatives must be 0 or more")
        if set(self.prompts) - {"query", "document"}:
            raise ValueError(
                f"prompts are for query and document, not {', '.join(sorted(set(self.prompts) - {'query', 'document'}))}"
            )
        if self.mini_batch_tokens is not None and self.mini_batch_tokens < 1:
            raise ValueError("mini_batch_tokens must be at least 1 (or null)")
        if self.matryoshka_layers < 0:
            raise ValueError("matryoshka_layers must be 0 or more")
        if self.matryoshka_layers and (not self.matryoshka or self.mini_batch_tokens):
            raise ValueError(
                "matryoshka_layers goes with matryoshka, and without mini_batch_tokens"
            )
        if self.adapter and (not self.lora or self.train == "queries"):
            raise ValueError("adapter wants lora, and goes without train: queries")
        if self.heads and (
            self.matryoshka
            or self.mini_batch_tokens
            or self.teacher
            or self.lora
            or self.train == "queries"
        ):
            raise ValueError(
                "heads go without matryoshka, mini_batch_tokens, teacher, lora and train: queries"
            )
        if self.train == "queries" and (self.matryoshka or self.mini_batch_tokens or self.teacher):
            raise ValueError(
                "train: queries goes without matryoshka, mini_batch_tokens and teacher"
            )
        if self.teacher and not self.negatives:
            raise ValueError("a teacher ranks a positive and its negatives; negatives is 0")


def save_adapter(recipe: RetrieverRecipe, model: Any, final: Path) -> None:
    """Write the base as it is, its adapters, and the one that was trained."""
    assert recipe.adapter
    assert recipe.lora
    base = sentence_transformer(recipe.base, device="cpu")
    names = recipe.adapter.prompts or (recipe.adapter.name,)
    base.prompts = dict(base.prompts) | {
        n: recipe.prompts.get(n, recipe.prompts.get("query", "")) for n in names
    }
    with replacing_folder(final) as aside:
        base.save(str(aside), create_model_card=False)
        write_adapter(
            model,
            lora_config(recipe.lora),
            aside,
            recipe.adapter.name,
            names,
            hub.locate(recipe.base),
        )


def add_heads(model: Any, dim: int) -> None:
    """Put sparse and multi-vector heads at the model's end. Raises ConfigError on several
    processes, whose candidates are not gathered.
    """
    if rank_and_world()[1] > 1:
        raise ConfigError("heads are trained on one process")
    width = (
        model[0].get_embedding_dimension()
        if hasattr(model[0], "get_embedding_dimension")
        else model.get_embedding_dimension()
    )
    model.append(Heads(width, dim, model.tokenizer.all_special_ids).to(model.device))


def starting_model(recipe: RetrieverRecipe) -> Any:
    """The base, with the recipe's prompts. Raises ModelError where it has no module for the
    recipe's language.
    """
    model = sentence_transformer(recipe.base, language=recipe.language)
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
        for name, parameter in (
            model[0].auto_model.named_parameters()
        ):  # the rule of X-MOD: these are shared by, or of, all languages
            parameter.requires_grad = not (name.startswith("embeddings.") or "adapter_" in name)
    if recipe.prompts:
        model.prompts, model.default_prompt_name = (
            dict(recipe.prompts),
            "document" if recipe.prompts.get("document") else None,
        )
    return model


def make_loss(recipe: RetrieverRecipe, model: Any) -> torch.nn.Module:
    """The contrast, at all sizes and layers."""
    if recipe.heads:
        return HybridLoss(model, recipe.contrast, distill=recipe.heads.distill)
    given: dict[str, Any] = (
        {"kl": recipe.teacher.weight, "teacher_temperature": recipe.teacher.temperature}
        if recipe.teacher
        else {}
    )
    loss = ContrastiveLoss(
        model, recipe.contrast, mini_batch_num_tokens=recipe.mini_batch_tokens, **given
    )
    if not recipe.matryoshka:
        return loss
    whole = model.get_embedding_dimension()
    wrong = [size for size in recipe.matryoshka if not 0 < size < whole]
    if wrong:
        raise ConfigError(
            f"matryoshka names {wrong[0]}; sizes are from 1 to below the model's {whole}"
        )
    nested: torch.nn.Module
    if recipe.matryoshka_layers:
        sizes = [whole, *recipe.matryoshka]
        nested = Matryoshka2dLoss(
            model, loss, sizes, n_layers_per_step=recipe.matryoshka_layers, n_dims_per_step=-1
        )
    else:
        nested = MatryoshkaLoss(model, loss, [whole, *recipe.matryoshka])
    return nested


def read(recipe: RetrieverRecipe, root: Path, folder: Path) -> list[RowStore]:
    """Each source's rows in a store on disk: query, document, and as many negatives as it has
    columns for, or the recipe's.

    Raises ConfigError where a source is empty, or lacks the scores that a teacher wants.
    """
    for source in recipe.data.sources:
        require(
            source, ("query", "document", *(("scores",) if recipe.teacher else ())), "data.sources"
        )
    if rank_and_world()[0] == 0:
        for number, source in enumerate(recipe.data.sources):
            count = min(recipe.negatives, given(source))
            RowStore.write(
                folder / f"source-{number}", _rows(recipe, source, root, count), 2 + count
            )
    wait_for_all()
    stores = [RowStore(folder / f"source-{number}") for number in range(len(recipe.data.sources))]
    for source, store in zip(recipe.data.sources, stores, strict=True):
        if not len(store):
            raise ConfigError(
                f"data.sources: {source.files[0]} holds no pair of a query and another text"
            )
    return stores


def _rows(
    recipe: RetrieverRecipe, source: Source, root: Path, count: int
) -> Iterator[tuple[tuple[str, ...], list[float]]]:
    for row, (query, document, negatives), kept in pairs_in(
        read_source(source, root), source, count
    ):
        scores: list[float] = []
        if recipe.teacher:
            try:
                scores = [float(value) for value in row.values["scores"].split()]
            except ValueError:
                raise DataError(
                    row.path, row.line, "scores are not numbers with spaces between them"
                ) from None
            due = 1 + given(source)
            if len(scores) < due or not all(map(math.isfinite, scores)):
                raise DataError(
                    row.path,
                    row.line,
                    f"{len(scores)} scores; a positive and {due - 1} negatives want {due} finite ones",
                )
            scores = [scores[0], *(scores[1 + k] for k in kept)]
        yield (query, document, *negatives), scores


class RetrieverBatches:
    """Step → token ids of queries, documents and negatives, prompts put before them; a teacher's
    scores as the label.

    With `frozen`, a vector for each text of a source but the query, documents come as vectors.
    """

    def __init__(
        self,
        recipe: RetrieverRecipe,
        sources: list[RowStore],
        model: Any,
        frozen: list[CachedRows] | None = None,
    ) -> None:
        self.sources, self.tokenizer, self.prompts, self.frozen = (
            sources,
            model.tokenizer,
            recipe.prompts,
            frozen,
        )
        self.max_tokens = min(
            recipe.data.max_tokens, model.max_seq_length or recipe.data.max_tokens
        )
        texts = [
            KeySets(store, None if recipe.mixing.distinct == "all" else 2) for store in sources
        ]
        weights = [source.weight for source in recipe.data.sources]
        names = [source.files[0] for source in recipe.data.sources]
        self.mix = Mix(
            texts, weights, recipe.mixing, recipe.batch_size, recipe.optim.steps, recipe.seed, names
        )

    def __call__(self, step: int) -> Batch:
        chosen = self.mix(step).tolist()
        rows: list[Row] = [(t[0], t[1], t[2:]) for t in (self.sources[s][i] for s, i in chosen)]
        batch = tokenise_rows(rows, self.tokenizer, self.prompts, self.max_tokens)
        columns = 1 + min(len(row[2]) for row in rows)
        if self.frozen:
            add_frozen(batch, self.frozen, self.sources, chosen, columns)
        if self.sources[0].numbers is not None:
            batch["label"] = torch.from_numpy(
                np.stack([self.sources[s].beside(i)[:columns] for s, i in chosen])
            )
        return batch


class Retriever(Stage[RetrieverRecipe]):
    """The model's folder, a standard sentence-transformers model or a table of words."""

    name = "retriever"
    recipe = RetrieverRecipe

    def train(self, recipe: RetrieverRecipe, run: Run) -> Save:
        sources = read(recipe, locate_root(recipe.data.root), run.prepared)
        model = starting_model(recipe)
        frozen = None
        if recipe.train == "queries":
            base = sentence_transformer(recipe.base, language=recipe.language)
            prompt = recipe.prompts.get("document", "")
            frozen = frozen_vectors(
                base, recipe.base, prompt, recipe.data.max_tokens, sources, run.prepared
            )
        if recipe.lora:
            add_lora(model, recipe.lora)
        if recipe.heads:
            add_heads(model, recipe.heads.dim)
        batches = RetrieverBatches(recipe, sources, model, frozen)
        part = recipe.lora or recipe.language or recipe.heads or is_table(model)
        trainer = PartSentenceTrainer if part else SentenceTrainer
        loss = make_loss(recipe, model)
        run.phase("retriever", model, batches, recipe.optim, trainer=trainer, loss=loss)
        return partial(save, recipe, model)

    def plan(self, recipe: RetrieverRecipe) -> dict[str, Any]:
        """What a run would do: rows by source, parameters, and a process's memory."""
        with tempfile.TemporaryDirectory(prefix="lusifer-plan-") as aside:
            sources = read(recipe, locate_root(recipe.data.root), Path(aside))
            rows = {
                source.files[0]: len(store)
                for source, store in zip(recipe.data.sources, sources, strict=True)
            }
            texts = max(store.keys.shape[1] for store in sources)
        model = sentence_transformer(recipe.base, device="cpu")
        total = sum(p.numel() for p in model.parameters())
        if recipe.lora:
            add_lora(model, recipe.lora)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        config = getattr(getattr(model[0], "auto_model", None), "config", None)
        tokens = recipe.mini_batch_tokens or recipe.batch_size * recipe.data.max_tokens * texts
        return {
            "rows": rows,
            "parameters": {"total": total, "trained": trained},
            "memory_bytes": training_bytes(total, trained, activation_bytes(tokens, config)),
        }


def save(recipe: RetrieverRecipe, model: Any, folder: Path) -> None:
    """Write what was trained: whole, beside its base, or as an adapter."""
    if recipe.adapter:
        save_adapter(recipe, model, folder)
        return
    if recipe.lora:
        fold_lora(model)
    if is_table(model):
        save_table(model, recipe.base, folder)
        return
    if recipe.train == "queries":
        device = str(model.device)
        base = sentence_transformer(recipe.base, language=recipe.language, device=device)
        model = beside_its_base(model, base)
    save_model(model, folder)
