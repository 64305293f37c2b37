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

import copy
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
from lusifer.io import replacing_folder, sha256, write_json, write_text
from lusifer.models import TOKENIZER, WEIGHTS, StaticEmbedder, load_static, quantise_rows
from lusifer.reshaping import trace, whitening
from lusifer.training.corpus import Data, read_kind
from lusifer.training.memory import training_bytes
from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches, kept
from lusifer.training.stage import Run, Save, Stage
from lusifer.training.stages.static_table import sample_ids
from lusifer.training.teaching import Objective, TaughtBatches, VectorTeacher, check, prepared
from lusifer.training.vocabulary import PAD, Vocabulary

TABLE = "table.json"


@dataclass(frozen=True)
class Layers:
    """The shape of what lies over the table; its width is the table's."""

    layers: int = 2
    heads: int = 4
    intermediate: int = 512

    def __post_init__(self) -> None:
        if min(self.layers, self.heads, self.intermediate) < 1:
            raise ValueError(
                f"layers, heads and intermediate are 1 or more; not {self.layers}, {self.heads}, {self.intermediate}"
            )


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
    """Unit vectors of both sides of up to `SAMPLE` random pairs, (n, dim)."""
    device = next(encoder.parameters()).device
    texts = sorted(sample_ids(pairs, seed), key=len)
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


class Contextual(nn.Module):
    """Token ids (n, length) and their mask → states (n, length, dim). The table is kept as it is,
    unless the recipe trains it.
    """

    rows: torch.Tensor
    scale: torch.Tensor

    def __init__(self, table: StaticEmbedder, recipe: ContextRecipe) -> None:
        super().__init__()
        lengths = table.scale * np.linalg.norm(table.rows.astype(np.float32), axis=1)
        usual = float(np.sqrt(np.mean(lengths[lengths > 0] ** 2) / table.dim))
        self.register_buffer("rows", torch.from_numpy(table.rows.copy()), persistent=False)
        self.register_buffer("scale", torch.from_numpy(table.scale / usual), persistent=False)
        self.table = (
            nn.Parameter(self.rows.float() * self.scale[:, None]) if recipe.train_table else None
        )
        self.layers = nn.ModuleList(
            Layer(table.dim, recipe.shape.heads, recipe.shape.intermediate)
            for _ in range(recipe.shape.layers)
        )

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = (
            self.rows[ids].float() * self.scale[ids][..., None]
            if self.table is None
            else F.embedding(ids, self.table)
        )
        bias = (1.0 - mask.to(states.dtype))[:, None, None, :] * -1e4
        for layer in self.layers:
            states = layer(states, bias)
        return states

    def packed(self, *, int8: bool) -> Contextual:
        """A copy on the CPU as it is written: a table that was trained as int8 rows again, and with
        `int8` the layers' matrices too.
        """
        made = copy.deepcopy(self).cpu().float().eval()
        if made.table is not None:
            made.rows, made.scale = quantise_rows(made.table.detach())
            made.table = None
        if int8:
            for layer in made.layers:
                for name, module in list(layer.named_children()):
                    if isinstance(module, nn.Linear):
                        setattr(layer, name, Int8Linear(module))
        return made


class Int8Linear(nn.Module):
    """A linear layer whose weight is kept as int8 rows with a scale each; the runtime restores it
    when it loads the file.
    """

    rows: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        rows, scale = quantise_rows(linear.weight.detach())
        self.register_buffer("rows", rows)
        self.register_buffer("scale", scale[:, None])
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.rows.float() * self.scale, self.bias)


class Layer(nn.Module):
    """Pre-norm attention and a GELU network, both zero at the start."""

    def __init__(self, dim: int, heads: int, intermediate: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.qkv, self.out = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.wide, self.narrow = (
            nn.Linear(dim, intermediate),
            nn.Linear(intermediate, dim, bias=False),
        )
        for linear in (self.out, self.narrow):
            nn.init.zeros_(linear.weight)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        n, length, dim = x.shape
        q, k, v = (
            self.qkv(self.norms[0](x))
            .view(n, length, 3, self.heads, dim // self.heads)
            .permute(2, 0, 3, 1, 4)
            .unbind(0)
        )
        q, k = rotary(q), rotary(k)
        weights = (q @ k.transpose(-1, -2) * (dim // self.heads) ** -0.5 + bias).softmax(-1)
        x = x + self.out((weights.to(v.dtype) @ v).transpose(1, 2).reshape(n, length, dim))
        result: torch.Tensor = x + self.narrow(F.gelu(self.wide(self.norms[1](x))))
        return result


def rotary(x: torch.Tensor) -> torch.Tensor:
    """Rotate pairs of numbers by their position (RoFormer, arXiv 2104.09864); x is (n, heads,
    length, width).
    """
    half = x.shape[-1] // 2
    frequency = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


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
            keep = kept(mask, self.recipe.ranking.pooled_share, generator)
            sums.append((states * keep[..., None].to(states.dtype)).sum(1))
        return {"loss": self.objective(sums[0], sums[1], batch)}


class ContextGraph(nn.Module):
    """What the ONNX file holds: ids and mask → unit vectors; a text without a known token gets one
    fixed vector.
    """

    def __init__(self, encoder: Contextual, head: torch.Tensor | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = None if head is None else Int8Linear(_linear(head.T))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids, attention_mask)
        total = (states * attention_mask[..., None].to(states.dtype)).sum(1)
        if self.head is not None:
            total = self.head(total)
        fixed = (
            F.one_hot(torch.zeros(1, dtype=torch.int64), total.shape[-1]).to(states.dtype) * 1e-6
        )
        return F.normalize(total + fixed, dim=-1)


def _linear(weight: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = weight.contiguous()
    return linear


def save_onnx(
    folder: Path,
    encoder: Contextual,
    table: StaticEmbedder,
    recipe: ContextRecipe,
    head: torch.Tensor | None = None,
) -> None:
    """Write `model.onnx`, the table's tokenizer without its special tokens, and the length at which
    texts are cut.
    """
    whole = ContextGraph(encoder.packed(int8=recipe.int8), head).eval()
    tokenizer = json.loads(table.tokenizer.to_str()) | {
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }
    with replacing_folder(folder) as aside:
        trace(whole, aside / "model.onnx", fold=False)
        write_text(
            aside / TOKENIZER, json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
        )
        write_json(aside / "sentence_bert_config.json", {"max_seq_length": recipe.max_tokens})
        write_json(
            aside / "config.json", {"hidden_size": table.dim if head is None else head.shape[1]}
        )


class Context(Stage[ContextRecipe]):
    """The encoder's ONNX folder."""

    name = "static"
    method = "context"
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
        model = Trained(recipe, Contextual(table, recipe), width)
        ranked = RankingBatches(
            recipe.ranking, stores, recipe.data.temperature, recipe.seed, framed=False
        )
        title = "translation ranking, layers over a table"
        run.phase(
            "ranking", model, TaughtBatches(ranked, taught), recipe.ranking.optim, title=title
        )
        return lambda folder: save_onnx(
            folder, model.encoder, table, recipe, head_of(recipe, model, stores["parallel"])
        )

    def plan(self, recipe: ContextRecipe) -> dict[str, Any]:
        """What a run would do: rows by kind, parameters. Reads the data, trains nothing."""
        table = fitting(recipe)
        layers = sum(p.numel() for p in Contextual(table, recipe).layers.parameters())
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
                trained,
                trained,
                size.size
                + tokens * table.dim * recipe.shape.layers * 64
                + recipe.ranking.max_rows**2 * 24,
            ),
        }
