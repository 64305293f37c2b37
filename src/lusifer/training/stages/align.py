"""Stage 1, align: the encoder's states become inputs that the target's language model understands.

Method (LUSIFER, arXiv 2501.00874, section 3.2): the encoder reads a text with part of its tokens
masked, the connector puts its states before the target, and the frozen target must then write the
text (reconstruction), or what follows it (completion), through its own LM head with a causal mask:
each token sees the states and the tokens before it alone. The mask is on what the encoder reads;
only connector and encoder learn. Cost: a forward and backward pass through the target a step. Not
for BERT-like targets, which have no causal LM head: distill those.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lusifer.data import Source, read_source, refuse_foreign
from lusifer.errors import ConfigError, ModelError
from lusifer.models import (
    ENGLISH_IS_DISTILLED,
    Bridge,
    BridgeConfig,
    causal_lm,
    families,
    hub,
    to_front,
)
from lusifer.training.assemble import assemble, plan_bridge, ready, save_model
from lusifer.training.optim import Optim
from lusifer.training.processes import Batch, mean_count
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.texts import Epochs, locate_root
from lusifer.training.trainers import BridgeTrainer
from lusifer.training.validation import Validation, held_epoch, held_out

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlignData:
    """`reconstruct` sources give a `text`; `complete` sources a `query` that the encoder reads and
    a `document` to write.
    """

    root: str = "."
    reconstruct: tuple[Source, ...] = ()
    complete: tuple[Source, ...] = ()
    english_only: bool = True
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if not self.reconstruct and not self.complete:
            raise ValueError("data.reconstruct or data.complete must name a source")


@dataclass(frozen=True)
class AlignRecipe:
    """Everything that `lusifer train` needs for stage 1."""

    stage: Literal["align"]
    output: str
    bridge: BridgeConfig
    data: AlignData
    seed: int = 0
    mask_ratio: float = 0.5
    batch_size: int = 256
    optim: Optim = field(default_factory=lambda: Optim(lr=1.5e-4))
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.mask_ratio < 1:
            raise ValueError("mask_ratio must be from 0 to below 1")
        if self.bridge.target.train != "frozen":
            raise ValueError(
                "bridge.target.train must be frozen in stage align: the target's weights are what is aligned to"
            )
        if self.bridge.english == "target":
            raise ValueError(ENGLISH_IS_DISTILLED)


def read_rows(recipe: AlignRecipe, root: Path) -> list[tuple[str, str, bool]]:
    """(what the encoder reads, what the target writes, masked?) for every row; checked to be
    English where asked.
    """
    found: list[tuple[str, str, bool]] = []
    for sources, reads, writes in (
        (recipe.data.reconstruct, "text", "text"),
        (recipe.data.complete, "query", "document"),
    ):
        for source in sources:
            rows = list(read_source(source, root))
            for column in (reads, writes):
                if column not in source.names:
                    raise ConfigError(
                        f"data: a source of {source.files[0]} needs a column {column!r}; its columns are {', '.join(source.names)}"
                    )
            if recipe.data.english_only:
                refuse_foreign(rows, tuple(dict.fromkeys((reads, writes))))
            found += [(row.values[reads], row.values[writes], reads == writes) for row in rows]
    if not found:
        raise ConfigError("data: the sources hold no row between min_chars and max_chars")
    return found


def load_lm(config: BridgeConfig, bridge: Bridge) -> nn.Module:
    """The target's own LM head; the target itself is set to attend causally."""
    if bridge.target.config.model_type not in families.DECODERS:
        raise ModelError(
            f"stage align needs a decoder target ({', '.join(families.DECODERS)}), not {bridge.target.config.model_type!r}"
        )
    whole = causal_lm(hub.locate(config.target.base), getattr(torch, config.target.dtype))
    families.direct(bridge.target, causal=True)
    head: nn.Module = whole.get_output_embeddings()
    return head


class Aligner(nn.Module):
    """Bridge and LM head; the loss of writing the target tokens after the states."""

    def __init__(self, bridge: Bridge, head: nn.Module) -> None:
        super().__init__()
        self.bridge, self.head = bridge, head.requires_grad_(False)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        target_ids: torch.Tensor,
        target_mask: torch.Tensor,
    ) -> dict[str, Any]:
        states, mask = self.bridge.join(*self.bridge.encode_tokens(input_ids, attention_mask))
        target = self.bridge.target
        tokens = target.get_input_embeddings()(target_ids).to(states.dtype)
        joined, joined_mask = to_front(
            torch.cat([states, tokens], 1), torch.cat([mask, target_mask], 1)
        )
        hidden = target(inputs_embeds=joined, attention_mask=joined_mask).last_hidden_state
        start = mask.sum(1, keepdim=True)
        position = (
            torch.arange(target_ids.shape[1], device=states.device) + start - 1
        )  # the position before each target token
        at = hidden.gather(
            1,
            position.clamp(max=hidden.shape[1] - 1).unsqueeze(-1).expand(-1, -1, hidden.shape[-1]),
        )
        chosen = target_mask.bool()
        logits = self.head(at[chosen].to(next(self.head.parameters()).dtype)).float()
        cap = getattr(target.config, "final_logit_softcapping", None)
        if cap:
            logits = torch.tanh(logits / cap) * cap
        return {
            "loss": F.cross_entropy(logits, target_ids[chosen], reduction="sum")
            / mean_count(chosen.sum())
        }


class AlignBatches:
    """Step → the encoder's ids, masked, and the ids that the target is to write."""

    def __init__(
        self, recipe: AlignRecipe, rows: list[tuple[str, str, bool]], bridge: Bridge, tokenizer: Any
    ) -> None:
        self.recipe, self.rows, self.reader, self.writer = recipe, rows, bridge.tokenizer, tokenizer
        if recipe.mask_ratio and self.reader.mask_token_id is None:
            raise ModelError(
                f"{recipe.bridge.encoder.base}: its tokenizer has no mask token; set mask_ratio=0"
            )
        self.epochs = Epochs([r[0] + r[1] for r in rows], recipe.batch_size, recipe.seed)

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.recipe.seed, 14, step])
        rows = [self.rows[i] for i in self.epochs(step)]
        length = min(self.recipe.data.max_tokens, self.recipe.bridge.max_tokens)
        settings = {
            "padding": True,
            "truncation": True,
            "max_length": length,
            "return_tensors": "pt",
        }
        read = self.reader([r[0] for r in rows], return_token_type_ids=False, **settings)
        ids, mask = read["input_ids"], read["attention_mask"]
        special = torch.isin(ids, torch.tensor(self.reader.all_special_ids))
        masked = torch.tensor([r[2] for r in rows])[:, None] & (mask == 1) & ~special
        masked &= torch.from_numpy(rng.random(tuple(ids.shape)) < self.recipe.mask_ratio)
        write = self.writer(
            [r[1] for r in rows],
            return_token_type_ids=False,
            **(settings | {"padding_side": "right"}),
        )
        return {
            "input_ids": torch.where(masked, torch.tensor(self.reader.mask_token_id or 0), ids),
            "attention_mask": mask,
            "target_ids": write["input_ids"],
            "target_mask": write["attention_mask"],
        }


class Align(Stage[AlignRecipe]):
    """The bridge's folder, which stage 2 starts from."""

    name = "align"
    holds_out = True
    recipe = AlignRecipe

    def train(self, recipe: AlignRecipe, run: Run) -> Save:
        rows = read_rows(recipe, locate_root(recipe.data.root))
        bridge = Bridge.new(recipe.bridge)
        ready(bridge, recipe.optim)
        model = Aligner(bridge, load_lm(recipe.bridge, bridge))
        tokenizer = families.load_tokenizer(hub.locate(recipe.bridge.target.base))
        trained, aside = held_out([row[0] for row in rows], run.held_rows)
        held = held_epoch(
            recipe,
            len(aside),
            lambda few: AlignBatches(few, [rows[i] for i in aside], bridge, tokenizer),
        )
        run.phase(
            "align",
            model,
            AlignBatches(recipe, [rows[i] for i in trained], bridge, tokenizer),
            recipe.optim,
            trainer=BridgeTrainer,
            validated=True,
            held=held,
        )

        def save(folder: Path) -> None:
            families.direct(bridge.target, causal=bridge.config.target.causal)
            save_model(assemble(bridge), folder)

        return save

    def plan(self, recipe: AlignRecipe) -> dict[str, Any]:
        """What a run would do."""
        rows = read_rows(recipe, locate_root(recipe.data.root))
        return {
            "rows": {"texts": len(rows)},
            **plan_bridge(
                recipe.bridge,
                recipe.batch_size * recipe.data.max_tokens * 2,
                recipe.data.max_tokens,
                recipe.optim,
            ),
        }
