"""Make a student multilingual: it gives an English teacher's vector for an English sentence, and
the same for its translation.

Method (Reimers & Gurevych, arXiv 2004.09813): mean squared error of the student's vectors of both
sides to the teacher's of the English, by sentence-transformers' `MSELoss`; with `ranking`,
translations also find their teacher's vector among the batch's. The student is a standard
sentence-transformers model, which loads anywhere, in the teacher's space: its index stays valid.
Cost: a teacher's pass for each English text, once; two student's passes a row. Not where there is
no parallel text: then `distill` a bridge from English alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MSELoss
from sentence_transformers.sentence_transformer.modules import Dense, Normalize

from lusifer.data import Source, read_source, require
from lusifer.errors import ConfigError
from lusifer.models import sentence_transformer, tokenise
from lusifer.training.assemble import save_model
from lusifer.training.losses.cached import ColumnLoss, Loss, check_mini_batch
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.losses.pair_terms import Keys, PairVectors
from lusifer.training.memory import kept_by_batch, model_plan
from lusifer.training.optim import Optim
from lusifer.training.padded_table import is_table
from lusifer.training.processes import Batch, own_slice
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.teacher_vectors import teacher_vectors
from lusifer.training.texts import Epochs, locate_root
from lusifer.training.trainers import SentenceTrainer
from lusifer.training.validation import Validation, held_epoch, held_out


@dataclass(frozen=True)
class ParallelData:
    """Sources with columns `english` and `text`, its translation; or `english` alone, which is its
    own: it keeps English where it is.
    """

    root: str = "."
    sources: tuple[Source, ...] = ()
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")


@dataclass(frozen=True)
class MultilingualRecipe:
    """Everything that `lusifer train` needs for a multilingual student.

    `project` puts a dense layer at the student's end, which it needs where the teacher's vectors
    have another size. `ranking` is the weight of the translations' ranking. `cache` keeps the
    teacher's vectors for several runs. `mini_batch_tokens` caches gradients (GradCache).
    """

    stage: Literal["distill"]
    method: Literal["parallel"]
    output: str
    base: str
    teacher: str
    data: ParallelData
    project: bool = False
    ranking: float = 0.0
    temperature: float = 0.05
    seed: int = 0
    batch_size: int = 256
    mini_batch_tokens: int | None = None
    cache: str | None = None
    optim: Optim = field(default_factory=lambda: Optim(lr=2e-4))
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        if self.ranking < 0 or self.temperature <= 0:
            raise ValueError("ranking must be 0 or more, temperature above 0")
        check_mini_batch(self.mini_batch_tokens)


def student(recipe: MultilingualRecipe) -> SentenceTransformer:
    """The base, unit vectors at its end, projected where asked. Raises ConfigError where its
    vectors do not fit the teacher's.
    """
    model = sentence_transformer(recipe.base)
    wanted = sentence_transformer(recipe.teacher, device="cpu").get_embedding_dimension()
    size = model.get_embedding_dimension()
    if size != wanted and not recipe.project:
        raise ConfigError(
            f"the teacher's vectors have {wanted} numbers, the student's {size}; set project=true for a dense layer between"
        )
    if is_table(model):
        raise ConfigError(
            f"base is {recipe.base}, a table of words; `stage: static` makes one from parallel text"
        )
    modules = [module for module in model if not isinstance(module, Normalize)]
    if recipe.project:
        modules.append(Dense(size, wanted, bias=True, activation_function=torch.nn.Identity()))
    return SentenceTransformer(
        modules=[*modules, Normalize()], device=str(model.device), prompts=model.prompts
    )


def read_pairs(recipe: MultilingualRecipe, root: Path) -> list[tuple[str, str]]:
    """All (English, translation) pairs, each once."""
    pairs: dict[tuple[str, str], None] = {}
    for source in recipe.data.sources:
        require(source, ("english",), "data.sources")
        for row in read_source(source, root):
            english = row.values["english"]
            pairs[english, row.values.get("text", english)] = None
    if not pairs:
        raise ConfigError("data.sources hold no pair of an English text and its translation")
    return list(pairs)


class MultilingualBatches:
    """Step → token ids of English texts and translations, and the teacher's vectors of the English
    as the label.
    """

    def __init__(
        self,
        recipe: MultilingualRecipe,
        pairs: list[tuple[str, str]],
        model: Any,
        output: Path,
        rows: Sequence[int],
    ) -> None:
        """`rows` of the pairs are trained on."""
        self.pairs, self.tokenizer = pairs, model.tokenizer
        self.max_tokens = min(
            recipe.data.max_tokens, model.max_seq_length or recipe.data.max_tokens
        )
        texts = list(dict.fromkeys(english for english, _ in pairs))
        index = {text: i for i, text in enumerate(texts)}
        self.index = np.array([index[english] for english, _ in pairs], dtype=np.int64)
        cache = Path(recipe.cache) if recipe.cache else output / "prepared"
        self.vectors = teacher_vectors(recipe.teacher, texts, cache, recipe.data.max_tokens)
        self.trained = np.array(rows, dtype=np.int64)
        self.epochs = Epochs(["".join(pairs[i]) for i in rows], recipe.batch_size, recipe.seed)

    def __call__(self, step: int) -> Batch:
        rows = self.trained[self.epochs(step)]
        batch: Batch = {}
        for side, name in enumerate(("english", "text")):
            found = tokenise(
                self.tokenizer, [self.pairs[i][side] for i in rows.tolist()], self.max_tokens
            )
            batch |= {f"{name}_{key}": value for key, value in found.items()}
        return batch | {
            "label": torch.from_numpy(self.vectors[self.index[rows]].astype(np.float32))
        }


class MultilingualLoss(ColumnLoss):
    """Mean squared error of both sides to the label, times the vectors' size, and the translations'
    ranking.
    """

    def __init__(self, model: SentenceTransformer, recipe: MultilingualRecipe) -> None:
        super().__init__(model, recipe.mini_batch_tokens)
        self.mse: Any = MSELoss(model)
        self.size, self.ranking = model.get_embedding_dimension() or 1, recipe.ranking
        self.contrast = InfoNCE(temperature=recipe.temperature, mask=None)

    def of(self, columns: list[torch.Tensor], labels: torch.Tensor) -> Loss:
        loss: torch.Tensor = self.size * self.mse.compute_loss_from_embeddings(
            columns, [labels] * len(columns)
        )
        if self.ranking:
            text, target = (
                F.normalize(columns[1].float(), dim=-1),
                F.normalize(labels.float(), dim=-1),
            )
            key = (
                labels.float().contiguous().view(torch.int32).long().sum(1)
            )  # the same for translations of one English sentence
            pairs = PairVectors(text, target[None], Keys(key, key[:, None]))
            loss = loss + self.ranking * self.contrast(pairs)
        return loss


class Multilingual(Stage[MultilingualRecipe]):
    """The student's folder, a standard sentence-transformers model in the teacher's space."""

    name = "distill"
    method = "parallel"
    holds_out = True
    recipe = MultilingualRecipe

    def train(self, recipe: MultilingualRecipe, run: Run) -> Save:
        model = student(recipe)
        pairs = read_pairs(recipe, locate_root(recipe.data.root))
        trained, aside = held_out([english for english, _ in pairs], run.held_rows)
        held = held_epoch(
            recipe,
            len(aside),
            lambda few: MultilingualBatches(few, pairs, model, run.output, aside),
        )
        run.phase(
            "multilingual",
            model,
            MultilingualBatches(recipe, pairs, model, run.output, trained),
            recipe.optim,
            trainer=SentenceTrainer,
            loss=MultilingualLoss(model, recipe),
            validated=True,
            held=held,
        )
        return partial(save_model, model)

    def plan(self, recipe: MultilingualRecipe) -> dict[str, Any]:
        """What a run would do."""
        pairs = read_pairs(recipe, locate_root(recipe.data.root))
        model = student(recipe)
        batch: Batch = {}
        for side, texts in enumerate(zip(*pairs[: recipe.batch_size], strict=True)):
            features = tokenise(model.tokenizer, list(texts), model.max_seq_length)
            batch |= {f"{side}_{name}": value for name, value in features.items()}
        kept = kept_by_batch(
            model, model, own_slice([batch]), recipe.mini_batch_tokens, recipe.optim.precision
        )
        return {
            "rows": {"pairs": len(pairs), "English texts": len({english for english, _ in pairs})},
            **model_plan(model, kept, cached=recipe.mini_batch_tokens is not None),
        }
