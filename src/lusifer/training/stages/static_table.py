"""A static table: token vectors learnt from translation ranking and from a teacher's vectors of the
English side.

Method: a text is the sum of its tokens' rows (a random share of them left out), trained as `taught`
says. A row's length is its token's weight, learnt with it. A row may be a sum over the pieces
within its token's spelling (`substrings`). A token that no training text holds, nor any piece of,
gets a zero row. Cost: about a thousandth of an encoder's. Not where word order matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

from lusifer.models import StaticConfig, save_static
from lusifer.reshaping import whitening
from lusifer.training.corpus import Data, read_kind
from lusifer.training.memory import training_bytes
from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches, sampled_tokens
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.substrings import Substrings
from lusifer.training.teaching import Objective, TaughtBatches, VectorTeacher, check, prepared
from lusifer.training.vocabulary import SPECIALS, Vocabulary


@dataclass(frozen=True)
class StaticRecipe:
    """Everything that `lusifer train` needs to make a static table.

    `nested` are the sizes that a vector may be cut to; these, and the teacher's ranking, take `few`
    rows of each batch. `whiten` turns the table, in the end, to its texts' principal axes, whose
    variances it evens out by that power: the first numbers of a vector are then the best to keep,
    with no `nested` sizes. `substrings`: pieces of at least so many characters within a token lend
    it their rows; 0 is for none.
    """

    stage: Literal["static"]
    output: str
    data: Data
    method: Literal["table"] = "table"
    seed: int = 0
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    dim: int = 256
    nested: tuple[int, ...] = ()
    few: int = 512
    substrings: int = 0
    whiten: float | None = None
    max_tokens: int = 512
    ranking: Ranking = field(default_factory=Ranking)
    teacher: VectorTeacher | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        check(self.teacher, self.nested, self.few, self.ranking, self.dim)
        if self.whiten is not None and not 0 <= self.whiten <= 1:
            raise ValueError(
                f"whiten is {self.whiten}; it is a power from 0 (a rotation) to 1, or null for none"
            )
        if self.substrings < 0:
            raise ValueError(
                f"substrings is {self.substrings}; it is a number of characters, or 0 for none"
            )


class Table(nn.Module):
    """Token rows, and what they are trained by."""

    def __init__(self, recipe: StaticRecipe, tokenizer: Tokenizer, teacher_dim: int) -> None:
        super().__init__()
        self.recipe = recipe
        tokens = [str(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())]
        self.substrings = Substrings(tokens, recipe.substrings) if recipe.substrings else None
        length = (
            0.5**0.5 if self.substrings else 1.0
        )  # a token and its parts together begin as long as a token alone
        self.table = nn.Parameter(torch.randn(len(tokens), recipe.dim) * length * recipe.dim**-0.5)
        self.objective = Objective(
            recipe.ranking, recipe.nested, recipe.few, recipe.teacher, recipe.dim, teacher_dim
        )

    def forward(self, step: torch.Tensor, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        phase = self.recipe.ranking
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + int(step))
        (english_ids, text_ids), rows = self.rows(batch["english_ids"], batch["text_ids"])
        english = self.pool(english_ids, batch["english_mask"], rows, phase.pooled_share, generator)
        text = self.pool(text_ids, batch["text_mask"], rows, phase.pooled_share, generator)
        return {"loss": self.objective(english, text, batch)}

    def rows(self, *ids: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """The rows that these ids need, and the ids as positions among them."""
        if self.substrings is None:
            return list(ids), self.table
        tokens, positions = np.unique(
            torch.cat([i.flatten() for i in ids]).cpu().numpy(), return_inverse=True
        )
        found = torch.split(
            torch.from_numpy(positions.reshape(-1)).to(self.table.device), [i.numel() for i in ids]
        )
        return [f.view(i.shape) for f, i in zip(found, ids, strict=True)], self.substrings.rows(
            self.table, tokens
        )

    def pool(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        rows: torch.Tensor,
        share: float,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """(n, length) ids → (n, dim) sums over a random share of each row's tokens, at least one."""
        return F.embedding_bag(
            ids,
            rows,
            mode="sum",
            per_sample_weights=sampled_tokens(mask, share, generator).to(rows.dtype),
        )

    @torch.no_grad()
    def finished(self, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """A row for each token: zeros for what training has not moved, which means nothing."""
        learnt = self.substrings.learnt(seen) if self.substrings else seen
        table = torch.where(torch.from_numpy(learnt)[:, None], self.table.cpu(), torch.zeros(()))
        rows = self.substrings.rows(table, np.arange(len(seen))) if self.substrings else table
        result: npt.NDArray[np.float32] = rows.float().numpy()
        result[: len(SPECIALS)] = 0
        return result


def seen_tokens(
    stores: Mapping[str, PairStore], kinds: Mapping[str, float], size: int
) -> npt.NDArray[np.bool_]:
    """Which tokens the ranked texts hold."""
    seen = np.zeros(size, dtype=bool)
    for kind, share in kinds.items():
        if share > 0:
            seen[np.unique(stores[kind].english.ids)] = seen[np.unique(stores[kind].text.ids)] = (
                True
            )
    return seen


def sample_sums(
    rows: npt.NDArray[np.float32], pairs: PairStore, seed: int
) -> npt.NDArray[np.float32]:
    """Unit vectors of both sides of a sample of the pairs, (n, dim)."""
    sums = np.stack([rows[ids].sum(0) for ids in pairs.sample(seed)])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    result: npt.NDArray[np.float32] = (sums / np.maximum(lengths, 1e-12))[lengths[:, 0] > 0]
    return result


class Static(Stage[StaticRecipe]):
    """The table's folder, which `lusifer.load` loads without torch."""

    name = "static"
    method = "table"
    usual = True
    recipe = StaticRecipe

    def check(self, recipe: StaticRecipe, *, restart: bool) -> None:
        """What the data lack is told when they are read: each kind by its name."""

    def train(self, recipe: StaticRecipe, run: Run) -> Save:
        file, stores, taught = prepared(
            recipe.data, recipe.vocabulary, recipe.teacher, recipe.seed, run.output
        )
        tokenizer = Tokenizer.from_file(str(file))
        torch.manual_seed(recipe.seed)
        model = Table(recipe, tokenizer, next((v.shape[1] for v in taught.values()), 0))
        ranked = RankingBatches(
            recipe.ranking, stores, recipe.data.temperature, recipe.seed, framed=False
        )
        title = "translation ranking, a static table"
        run.phase(
            "ranking", model, TaughtBatches(ranked, taught), recipe.ranking.optim, title=title
        )

        def save(folder: Path) -> None:
            seen = seen_tokens(stores, recipe.ranking.kinds, tokenizer.get_vocab_size())
            rows = model.finished(seen)
            if recipe.whiten is not None:
                sums = sample_sums(rows, stores["parallel"], recipe.seed)
                rows = rows @ whitening(sums, recipe.whiten)
            save_static(folder, tokenizer, rows, StaticConfig(recipe.dim, recipe.max_tokens))

        return save

    def plan(self, recipe: StaticRecipe) -> dict[str, Any]:
        """What a run would do: rows by kind, parameters. Reads the data, trains nothing."""
        parameters = recipe.vocabulary.size * recipe.dim
        kinds = [kind for kind in recipe.ranking.kinds if getattr(recipe.data, kind)]
        return {
            "rows": {kind: len(read_kind(recipe.data, kind)) for kind in kinds},
            "parameters": {"table": parameters, "total": parameters, "trained": parameters},
            "memory_bytes": training_bytes(
                parameters * 4,
                parameters,
                recipe.ranking.max_rows**2 * 12 * (2 + len(recipe.nested)),
            ),
        }
