"""Stage 2, finetune: contrastive learning of the whole bridge, in-batch and given hard negatives.

Method (LUSIFER, arXiv 2501.00874, section 3.3): InfoNCE by sentence-transformers'
`MultipleNegativesRankingLoss`, at a temperature named in the recipe; queries and documents carry
the prompts that the model keeps. On several processes documents are gathered with their gradients:
the result is that of one process with the whole batch. A batch holds no text twice. Cost: a pass
through both models for (2 + negatives) texts a row. Not where an index of the target's vectors must
stay valid: this moves the space; `distill` keeps it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from lusifer.data.english_only import refuse_foreign
from lusifer.data.formats import Row as DataRow
from lusifer.data.mixing import DistinctEpochs
from lusifer.data.sources import Source, read_source
from lusifer.errors import ConfigError, ModelError
from lusifer.models.bridge import Bridge, BridgeConfig, tokenise
from lusifer.models.sentence_transformer import sentence_transformer
from lusifer.training.assemble import assemble, plan_bridge, ready, save_model
from lusifer.training.loop import Batch, Optim, rank_and_world
from lusifer.training.stage import Run, Save, Stage
from lusifer.training.texts import locate_root
from lusifer.training.trainers import BridgeSentenceTrainer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PairData:
    """Sources with columns `query`, `document` and as many `negative` (`negative`, `negative_2`, …)
    as there are.
    """

    root: str = "."
    sources: tuple[Source, ...] = ()
    english_only: bool = True
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")
        for source in self.sources:
            for column in ("query", "document"):
                if column not in source.names:
                    raise ValueError(
                        f"data.sources: {source.files[0]} needs a column {column!r}; its columns are {', '.join(source.names)}"
                    )


@dataclass(frozen=True)
class FinetuneRecipe:
    """Everything that `lusifer train` needs for stage 2. `start` is a bridge to go on from, such as
    stage 1's.
    """

    stage: Literal["finetune"]
    output: str
    data: PairData
    bridge: BridgeConfig | None = None
    start: str | None = None
    seed: int = 0
    temperature: float = 0.05
    negatives: int = 7
    batch_size: int = 256
    optim: Optim = field(default_factory=lambda: Optim(lr=5e-5))

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError("temperature must be above 0")
        if self.bridge is None and self.start is None:
            raise ValueError("name a bridge to make, or a start to go on from")


Row = tuple[str, str, tuple[str, ...]]


def starting_model(recipe: FinetuneRecipe) -> Any:
    """The bridge that `start` holds, with what `bridge` asks to train; or a new one. On the CPU:
    frozen weights may be spread first.
    """
    if recipe.start is None:
        assert recipe.bridge is not None
        return assemble(Bridge.new(recipe.bridge), "cpu")
    start = sentence_transformer(recipe.start, device="cpu")
    if not isinstance(start[0], Bridge):
        raise ModelError(
            f"start is {recipe.start}, which is no bridge; to train a bridge into it, name it as bridge.target.base"
        )
    if recipe.bridge is None:
        return start
    bridge = Bridge.new(recipe.bridge)
    bridge.take_over(start[0])
    return assemble(bridge, "cpu")


def read_pairs(recipe: FinetuneRecipe, root: Path) -> list[Row]:
    """(query, document, negatives) of every row with as many negatives as all sources have columns
    for, or `negatives`.
    """
    wanted = min(recipe.negatives, *(given(source) for source in recipe.data.sources))
    found = [
        row
        for source in recipe.data.sources
        for row in rows_of(source, root, wanted, english_only=recipe.data.english_only)
    ]
    if not found:
        raise ConfigError(
            f"data.sources hold no pair of a query and another text with {wanted} negatives of its own"
        )
    return found


def given(source: Source) -> int:
    """How many negatives a source's rows have columns for."""
    return sum(name.startswith("negative") for name in source.names)


def rows_of(source: Source, root: Path, wanted: int, *, english_only: bool) -> list[Row]:
    """A source's rows with `wanted` negatives each; see `pairs_in`."""
    rows = list(read_source(source, root))
    if english_only:
        refuse_foreign(
            rows, tuple(c for c in source.names if c.startswith(("query", "document", "negative")))
        )
    return [pair for _, pair, _ in pairs_in(rows, source, wanted)]


def pairs_in(
    rows: Iterable[DataRow], source: Source, wanted: int
) -> Iterator[tuple[DataRow, Row, list[int]]]:
    """Each row, its (query, document, `wanted` negatives), and which of its negatives these are.

    Left out, and counted: a query that is its own document, and rows with fewer negatives that are
    neither its document nor its query.
    """
    seen = found = 0
    columns = [c for c in source.names if c.startswith("negative")]
    for row in rows:
        seen += 1
        v = row.values
        kept = [k for k, c in enumerate(columns) if v[c] not in (v["document"], v["query"])][
            :wanted
        ]
        if v["query"] != v["document"] and len(kept) >= wanted:
            found += 1
            yield row, (v["query"], v["document"], tuple(v[columns[k]] for k in kept)), kept
    if found < seen:
        lost = f"the query is the document, or fewer than {wanted} negatives other than it"
        log.warning("%s: %d of %d rows are left out: %s", source.files[0], seen - found, seen, lost)


class FinetuneBatches:
    """Step → token ids of queries, documents and negatives, prompts put before them."""

    def __init__(self, recipe: FinetuneRecipe, rows: list[Row], bridge: Bridge) -> None:
        self.rows, self.tokenizer, self.prompts = (
            rows,
            bridge.tokenizer,
            dict(bridge.config.prompts),
        )
        self.max_tokens = min(recipe.data.max_tokens, bridge.config.max_tokens)
        self.plan = DistinctEpochs(
            [frozenset((q, d, *n)) for q, d, n in rows], recipe.batch_size, recipe.seed
        )

    def __call__(self, step: int) -> Batch:
        return tokenise_rows(
            [self.rows[i] for i in self.plan(step)], self.tokenizer, self.prompts, self.max_tokens
        )


def tokenise_rows(
    rows: Sequence[Row], tokenizer: Any, prompts: Mapping[str, str], max_tokens: int
) -> Batch:
    """Rows → `query_`, `document_` and `negative_K_` ids and masks, prompts put before the texts;
    as many negatives as all rows have.
    """
    columns = {"query": [r[0] for r in rows], "document": [r[1] for r in rows]}
    columns |= {
        f"negative_{k}": [r[2][k] for r in rows] for k in range(min(len(r[2]) for r in rows))
    }
    batch: Batch = {}
    for name, texts in columns.items():
        prompt = prompts.get("query" if name == "query" else "document", "")
        features = tokenise(tokenizer, [prompt + text for text in texts], max_tokens)
        batch |= {f"{name}_{key}": value for key, value in features.items()}
    return batch


class Finetune(Stage[FinetuneRecipe]):
    """The bridge's folder, a standard sentence-transformers model."""

    name = "finetune"
    recipe = FinetuneRecipe
    spreads = True

    def train(self, recipe: FinetuneRecipe, run: Run) -> Save:
        rows = read_pairs(recipe, locate_root(recipe.data.root))
        model = starting_model(recipe)
        ready(model[0], recipe.optim)
        loss = MultipleNegativesRankingLoss(
            model, scale=1 / recipe.temperature, gather_across_devices=rank_and_world()[1] > 1
        )
        batches = FinetuneBatches(recipe, rows, model[0])
        run.phase(
            "finetune", model, batches, recipe.optim, trainer=BridgeSentenceTrainer, loss=loss
        )
        return partial(save_model, model)

    def plan(self, recipe: FinetuneRecipe) -> dict[str, Any]:
        """What a run would do."""
        rows = read_pairs(recipe, locate_root(recipe.data.root))
        config = recipe.bridge or starting_model(recipe)[0].config
        tokens = recipe.batch_size * recipe.data.max_tokens * (2 + len(rows[0][2]))
        return {
            "rows": {"pairs": len(rows), "negatives": len(rows[0][2])},
            **plan_bridge(config, tokens, recipe.optim),
        }
