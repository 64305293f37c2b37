"""Pooled: one map from the encoder's sentence vector to the target's space. No pass through the
target: the baseline.

Method: `rotation` (orthogonal Procrustes: the rotation that brings centred English vectors nearest
to the target's; Schönemann 1966), `ridge` (least squares with an L2 penalty), `mlp` (one hidden
layer, trained on the distillation loss). Learnt from English texts alone. The result is a plain
sentence-transformers model. Cost: closed form, seconds, once the texts are embedded. Every
connector that passes through the target must beat it to be worth its cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize
from torch import nn

from lusifer.models import TorchEmbedder, Vectors, families, hub, sentence_transformer
from lusifer.reshaping import fit, linear
from lusifer.training.assemble import save_model
from lusifer.training.losses.distances import Cosine
from lusifer.training.losses.distillation import Term, distillation, distinct
from lusifer.training.losses.in_batch import TeacherRanking
from lusifer.training.optim import Optim, use_bf16
from lusifer.training.processes import Batch
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.teacher_vectors import teacher_vectors
from lusifer.training.texts import Epochs, TextData, read_texts


@dataclass(frozen=True)
class PooledRecipe:
    """Everything that `lusifer train` needs for a pooled map."""

    stage: Literal["distill"]
    method: Literal["map"]
    output: str
    encoder: str
    target: str
    data: TextData
    kind: Literal["rotation", "ridge", "mlp"] = "rotation"
    seed: int = 0
    penalty: float = 1e-3
    hidden: int = 1024
    batch_size: int = 512
    cache: str | None = None
    loss: tuple[Term, ...] = (Cosine(), TeacherRanking())
    optim: Optim = field(default_factory=lambda: Optim(steps=2000, lr=1e-3, save_every=1000))
    log: Logger | None = None

    def __post_init__(self) -> None:
        distinct(self.loss)
        if self.penalty < 0:
            raise ValueError("penalty must be 0 or more")


class _Map(nn.Module):
    def __init__(self, first: Dense, second: Dense, loss: tuple[Term, ...]) -> None:
        super().__init__()
        self.layers, self.loss = nn.Sequential(first, second), loss

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        student = self.layers({"sentence_embedding": x})["sentence_embedding"]
        terms = distillation(student, y, self.loss)
        return {"loss": torch.stack(list(terms.values())).sum()}


class MapBatches:
    """Step → vectors of the encoder and of the target, of the same texts."""

    def __init__(self, epochs: Epochs, x: Vectors, y: Vectors) -> None:
        self.epochs, self.x, self.y = epochs, x, y

    def __call__(self, step: int) -> Batch:
        rows = self.epochs(step)
        return {"x": torch.from_numpy(self.x[rows]), "y": torch.from_numpy(self.y[rows])}


def fit_mlp(recipe: PooledRecipe, x: Vectors, y: Vectors, run: Run) -> list[Dense]:
    """One hidden layer, trained on the distillation loss."""
    torch.manual_seed(recipe.seed)
    first = Dense(x.shape[1], recipe.hidden, bias=True, activation_function=nn.ReLU())
    second = Dense(recipe.hidden, y.shape[1], bias=True, activation_function=nn.Identity())
    make = MapBatches(Epochs([""] * len(x), recipe.batch_size, recipe.seed), x, y)
    run.phase("pooled", _Map(first, second, recipe.loss), make, recipe.optim, title="pooled map")
    return [first, second]


class Pooled(Stage[PooledRecipe]):
    """The model's folder, which plain SentenceTransformer loads."""

    name = "distill"
    method = "map"
    recipe = PooledRecipe

    def train(self, recipe: PooledRecipe, run: Run) -> Save:
        texts = read_texts(recipe.data)
        cache = Path(recipe.cache) if recipe.cache else run.prepared
        taught = teacher_vectors(recipe.target, texts, cache, recipe.data.max_tokens)
        y = np.asarray(taught, dtype=np.float32)
        encoder = sentence_transformer(hub.locate(recipe.encoder))
        x = TorchEmbedder(encoder, bf16=use_bf16("auto")).encode(texts)
        layers = (
            fit_mlp(recipe, x, y, run)
            if recipe.kind == "mlp"
            else [linear(*fit(recipe.kind, x, y, recipe.penalty))]
        )
        # The map is learnt on unit vectors, and used on them.
        unit = [] if isinstance(encoder[-1], Normalize) else [Normalize()]
        model = SentenceTransformer(
            modules=[*encoder, *unit, *layers, Normalize()],
            device="cpu",
            prompts=encoder.prompts,
            default_prompt_name=encoder.default_prompt_name,
        )
        return partial(save_model, model)

    def plan(self, recipe: PooledRecipe) -> dict[str, Any]:
        """What a run would do."""
        n = len(read_texts(recipe.data))
        width = families.width(
            families.read_config(hub.locate(recipe.encoder, weights=False), "encoder")
        )
        out = families.width(
            families.read_config(hub.locate(recipe.target, weights=False), "target")
        )
        trained = (
            width * out + out
            if recipe.kind != "mlp"
            else width * recipe.hidden + recipe.hidden * (out + 1) + out
        )
        return {
            "rows": {"texts": n},
            "parameters": {"trained": trained},
            "memory_bytes": n * (width + out) * 4,
        }
