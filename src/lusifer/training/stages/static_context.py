"""Layers over a static table: a compact encoder that starts as the table and learns what context
adds.

Method: the table's rows, frozen or trained on, go through pre-norm transformer layers (rotary
positions) whose output projections start at zero, so that step 0 is the table itself; states are
summed, and the sum is trained as `taught` says. The sum is the vector, or its image in the
teacher's space, whose index then stays valid. Written as an ONNX folder: int8 rows with a scale
each, layers in fp32 or int8, one vector a text, which `lusifer.load` runs without torch. Cost: on
two cores some 300 times the table's a pair; meant for a GPU. Not where the table is good enough:
texts of a few words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from lusifer.data import pad
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import sha256, write_json, write_text
from lusifer.models import TOKENIZER, WEIGHTS, StaticEmbedder, load_static
from lusifer.reshaping import whitening
from lusifer.training.context_encoder import Contextual, Layers, save_onnx
from lusifer.training.corpus import Data, read_kind
from lusifer.training.memory import training_bytes
from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches, sampled_tokens
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.teaching import Objective, TaughtBatches, VectorTeacher, check, prepared
from lusifer.training.vocabulary import PAD, Vocabulary

TABLE = "table.json"


@dataclass(frozen=True)
class ContextRecipe:
    """Everything that `lusifer train` needs to put layers over the static table in the folder
    `table`.

    `train_table` trains the table's rows too. `space: teacher` gives vectors in the teacher's own
    space. `whiten` evens out the variances of an own space's principal axes by that power, as for a
    static table. `int8` keeps the layers, too, as int8 rows.
    """

    stage: Literal["static"]
    method: Literal["context"]
    output: str
    data: Data
    table: str
    seed: int = 0
    shape: Layers = field(default_factory=Layers)
    nested: tuple[int, ...] = ()
    few: int = 512
    max_tokens: int = 256
    train_table: bool = False
    space: Literal["own", "teacher"] = "own"
    whiten: float | None = None
    int8: bool = False
    ranking: Ranking = field(default_factory=Ranking)
    teacher: VectorTeacher | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        check(self.teacher, self.nested, self.few, self.ranking)
        if self.space == "teacher" and (self.teacher is None or self.whiten is not None):
            raise ValueError("space: teacher wants a teacher, and goes without whiten")
        if self.whiten is not None and not 0 <= self.whiten <= 1:
            raise ValueError(
                f"whiten is {self.whiten}; it is a power from 0 (a rotation) to 1, or null for none"
            )


def head_of(recipe: ContextRecipe, model: Trained, pairs: PairStore) -> torch.Tensor | None:
    """The matrix (dim, out) that a text's sum is multiplied by: into the teacher's space, or
    whitening; None for none.
    """
    if recipe.space == "teacher":
        assert model.objective.to_teacher is not None
        return model.objective.to_teacher.weight.detach().float().cpu().T
    if recipe.whiten is None:
        return None
    return torch.from_numpy(
        whitening(sample_vectors(model.encoder, pairs, recipe.seed), recipe.whiten)
    )


def sample_vectors(encoder: Contextual, pairs: PairStore, seed: int) -> npt.NDArray[np.float32]:
    """Unit vectors of both sides of a sample of the pairs, (n, dim)."""
    device = next(encoder.parameters()).device
    texts = sorted(pairs.sample(seed), key=len)
    found = []
    with torch.no_grad():
        for start in range(0, len(texts), 256):
            ids, mask = (
                torch.from_numpy(a).to(device) for a in pad(texts[start : start + 256], PAD)
            )
            found.append(
                F.normalize((encoder(ids, mask) * mask[..., None]).sum(1), dim=-1)
                .float()
                .cpu()
                .numpy()
            )
    return np.concatenate(found)


def fitting(recipe: ContextRecipe) -> StaticEmbedder:
    """The recipe's table. Raises ConfigError where heads or nested sizes do not fit its width."""
    table = load_static(recipe.table)
    try:
        check(recipe.teacher, recipe.nested, recipe.few, recipe.ranking, table.dim)
    except ValueError as error:
        raise ConfigError(f"{recipe.table}: {error}") from None
    if table.dim % (2 * recipe.shape.heads):
        raise ConfigError(
            f"shape.heads is {recipe.shape.heads}; the table's {table.dim} numbers must divide by twice that"
        )
    return table


def identity(recipe: ContextRecipe) -> dict[str, str]:
    """What tells the table that a run is begun over from another."""
    return {"hash": sha256(Path(recipe.table) / WEIGHTS, Path(recipe.table) / TOKENIZER)}


class Trained(nn.Module):
    """The encoder with its loss."""

    def __init__(self, recipe: ContextRecipe, encoder: Contextual, teacher_dim: int) -> None:
        super().__init__()
        self.recipe, self.encoder = recipe, encoder
        dim = encoder.rows.shape[1]
        self.objective = Objective(
            recipe.ranking, recipe.nested, recipe.few, recipe.teacher, dim, teacher_dim
        )

    def forward(self, step: torch.Tensor, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + int(step))
        sums = []
        for side in ("english", "text"):
            ids, mask = batch[f"{side}_ids"], batch[f"{side}_mask"]
            states = self.encoder(ids, mask)
            keep = sampled_tokens(mask, self.recipe.ranking.pooled_share, generator)
            sums.append((states * keep[..., None].to(states.dtype)).sum(1))
        return {"loss": self.objective(sums[0], sums[1], batch)}


class Context(Stage[ContextRecipe]):
    """The encoder's ONNX folder."""

    name = "static"
    method = "context"
    notes = (TABLE, TOKENIZER)
    recipe = ContextRecipe

    def check(self, recipe: ContextRecipe, *, restart: bool) -> None:
        """Whether the table fits the recipe; of the data, each kind is told of when it is read."""
        fitting(recipe)
        file = Path(recipe.output) / TABLE
        if restart or not file.exists():
            return
        if json.loads(file.read_text(encoding="utf-8")) != identity(recipe):
            raise LusiferError(
                f"{recipe.output}: was begun over another table than {recipe.table} now holds; start anew with --restart"
            )

    def train(self, recipe: ContextRecipe, run: Run) -> Save:
        table = fitting(recipe)
        if run.first:  # `prepared` uses the tokenizer that it finds
            write_json(run.output / TABLE, identity(recipe))
            own = (Path(recipe.table) / TOKENIZER).read_text(encoding="utf-8")
            write_text(run.output / TOKENIZER, own)
        _, stores, taught = prepared(
            recipe.data, Vocabulary(), recipe.teacher, recipe.seed, run.output
        )
        torch.manual_seed(recipe.seed)
        width = next((v.shape[1] for v in taught.values()), 0)
        model = Trained(
            recipe, Contextual(table, recipe.shape, train_table=recipe.train_table), width
        )
        ranked = RankingBatches(
            recipe.ranking, stores, recipe.data.temperature, recipe.seed, framed=False
        )
        title = "translation ranking, layers over a table"
        run.phase(
            "ranking", model, TaughtBatches(ranked, taught), recipe.ranking.optim, title=title
        )
        return lambda folder: save_onnx(
            folder,
            model.encoder,
            table,
            max_tokens=recipe.max_tokens,
            int8=recipe.int8,
            head=head_of(recipe, model, stores["parallel"]),
        )

    def plan(self, recipe: ContextRecipe) -> dict[str, Any]:
        """What a run would do: rows by kind, parameters. Reads the data, trains nothing."""
        table = fitting(recipe)
        layers = sum(
            p.numel()
            for p in Contextual(
                table, recipe.shape, train_table=recipe.train_table
            ).layers.parameters()
        )
        trained = layers + (table.rows.size if recipe.train_table else 0)
        size: npt.NDArray[np.int8] = table.rows
        kinds = [kind for kind in recipe.ranking.kinds if getattr(recipe.data, kind)]
        tokens = recipe.ranking.batch_tokens
        return {
            "rows": {kind: len(read_kind(recipe.data, kind)) for kind in kinds},
            "parameters": {
                "table": size.size,
                "layers": layers,
                "total": size.size + layers,
                "trained": trained,
            },
            # 64 bytes of a token, layer and number: states, and the attention's own
            "memory_bytes": training_bytes(
                trained * 4,
                trained,
                size.size
                + tokens * table.dim * recipe.shape.layers * 64
                + recipe.ranking.max_rows**2 * 24,
            ),
        }
