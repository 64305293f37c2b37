"""Adapt: an encoder goes on with masked language modelling on texts of its new languages or domain, on
translations joined in one row, or by rebuilding a text from its vector.

Method: a share of the tokens is hidden and named from the rest (MAFT, arXiv 2204.06487: one adaptation
for many languages). A source with the columns `english` and `text` gives both in one row, either first,
so that a hidden word is found in its translation (TLM, arXiv 1901.07291; with the contrast of translations
by the stage `contrastive` this is InfoXLM, arXiv 2007.07834). With `rebuild` a decoder of one layer must
write the text again from the vector and a text of which most is hidden (RetroMAE, arXiv 2205.12035), so
that the vector comes to carry it. The head is new, tied to the table, and thrown away. What is made is
the base with other weights. Cost: 6 x parameters FLOPs a token and a softmax over the hidden ones. Not the
last stage: masking moves the vectors, and `contrastive` has to place them again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lusifer.data import Source, read_source
from lusifer.errors import ConfigError, ModelError
from lusifer.models import families, sentence_transformer
from lusifer.training.assemble import check_finite, save_model
from lusifer.training.memory import kept_by_layers, model_plan
from lusifer.training.optim import Optim
from lusifer.training.processes import Batch, mean_count
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.texts import Epochs, locate_root
from lusifer.training.trainers import PartStepTrainer
from lusifer.training.validation import Validation, held_epoch, held_out

Row = tuple[str, str]  # a text and its translation, or nothing


@dataclass(frozen=True)
class AdaptData:
    """Texts, of sources with a column `text`, and translations, of those with `english` too."""

    root: str = "."
    sources: tuple[Source, ...] = ()
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")
        for source in self.sources:
            if "text" not in source.names:
                raise ValueError(
                    f"data.sources: {source.files[0]} needs a column named text (rename: {{yours: text}})"
                )


@dataclass(frozen=True)
class Rebuild:
    """RetroMAE: `ratio` of the tokens are hidden from the decoder, `weight` is its loss's."""

    ratio: float = 0.5
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.ratio <= 1 or self.weight <= 0:
            raise ValueError("rebuild.ratio is above 0 and at most 1, and its weight above 0")


@dataclass(frozen=True)
class AdaptRecipe:
    """Everything that `lusifer train` needs to adapt an encoder. `ratio` of the tokens are hidden."""

    stage: Literal["pretrain"]
    method: Literal["adapt"]
    output: str
    base: str
    data: AdaptData
    seed: int = 0
    ratio: float = 0.3
    rebuild: Rebuild | None = None
    batch_size: int = 64
    optim: Optim = field(default_factory=lambda: Optim(lr=5e-5))
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError("ratio must be above 0 and below 1")


def read_rows(data: AdaptData) -> list[Row]:
    """Distinct rows, in file order. Raises ConfigError where there is none."""
    root = locate_root(data.root)
    rows: dict[Row, None] = {}
    for source in data.sources:
        for row in read_source(source, root):
            rows[(row.values["text"], row.values.get("english", ""))] = None
    if not rows:
        raise ConfigError(f"{data.root}: the sources hold no text between min_chars and max_chars")
    return list(rows)


class HiddenBatches:
    """Step → ids with some hidden, and those as labels; for `rebuild` another choice of them."""

    def __init__(self, recipe: AdaptRecipe, rows: list[Row], tokenizer: Any, longest: int) -> None:
        self.recipe, self.rows, self.tokenizer = recipe, rows, tokenizer
        self.longest = min(recipe.data.max_tokens, longest)
        if tokenizer.mask_token_id is None:
            raise ModelError(f"{recipe.base}: its tokenizer has no mask token, which masking needs")
        self.special = torch.tensor(sorted(set(tokenizer.all_special_ids)))
        self.words = torch.tensor(
            sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids))
        )
        self.epochs = Epochs([a + b for a, b in rows], recipe.batch_size, recipe.seed)

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.recipe.seed, 33, step])
        rows = [self.rows[i] for i in self.epochs(step)]
        first = rng.random(len(rows)) < 0.5
        # What of a pair is read first is drawn; a text alone has no second.
        texts = [
            (a, b) if not b or own else (b, a) for (a, b), own in zip(rows, first, strict=True)
        ]
        # Each by itself: a batch of pairs would frame a text alone as one with an empty second.
        framed = [
            self.tokenizer(*filter(None, pair), truncation="longest_first", max_length=self.longest)
            for pair in texts
        ]
        read = self.tokenizer.pad(framed, return_tensors="pt")
        ids, mask = read["input_ids"], read["attention_mask"]
        may = (mask == 1) & ~torch.isin(ids, self.special)
        hidden, labels = self._hide(ids, may, self.recipe.ratio, rng)
        batch: Batch = {"input_ids": hidden, "attention_mask": mask, "labels": labels}
        if "token_type_ids" in read:
            batch["token_type_ids"] = read["token_type_ids"]
        if self.recipe.rebuild:
            again = torch.from_numpy(rng.random(tuple(ids.shape))) < self.recipe.rebuild.ratio
            batch["rebuild_ids"] = ids.masked_fill(may & again, self.tokenizer.mask_token_id)
            batch["rebuild_labels"] = ids.masked_fill(~(may & again), -100)
        return batch

    def _hide(
        self, ids: torch.Tensor, may: torch.Tensor, ratio: float, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """BERT's masking: of the chosen tokens 80 % are hidden, 10 % another, 10 % themselves."""
        draw, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
        chosen = may & (draw < ratio)
        other = self.words[torch.from_numpy(rng.integers(len(self.words), size=tuple(ids.shape)))]
        hidden = torch.where(chosen & (fate < 0.8), torch.tensor(self.tokenizer.mask_token_id), ids)
        hidden = torch.where(chosen & (fate > 0.9), other, hidden)
        return hidden, ids.masked_fill(~chosen, -100)


class MaskedEncoder(nn.Module):
    """The encoder with a head that is tied to its table, and the decoder of `rebuild`."""

    def __init__(self, model: Any, rebuild: Rebuild | None, seed: int) -> None:
        super().__init__()
        self.model, self.rebuild = model, rebuild
        self.inner = model[0].auto_model
        width, words = families.width(self.inner.config), self.inner.get_input_embeddings()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
            self.bias = nn.Parameter(torch.zeros(len(words.weight)))
            nn.init.eye_(self.dense.weight)
            nn.init.zeros_(self.dense.bias)
            heads = next(h for h in (8, 4, 2, 1) if width % h == 0)
            self.decoder = (
                nn.TransformerEncoderLayer(
                    width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
                )
                if rebuild
                else None
            )

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        rebuild_ids: torch.Tensor | None = None,
        rebuild_labels: torch.Tensor | None = None,
        **more: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        features = {"input_ids": input_ids, "attention_mask": attention_mask, **more}
        features = self.model[0](features)
        loss = self._named(features["token_embeddings"], labels)
        if self.decoder is not None and self.rebuild and rebuild_ids is not None:
            assert rebuild_labels is not None
            vector = pooled(self.model, features)
            loss = loss + self.rebuild.weight * self._rebuilt(
                vector, rebuild_ids, attention_mask, rebuild_labels
            )
        return {"loss": loss}

    def _named(self, states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean loss of naming the hidden tokens from their states."""
        chosen = labels != -100
        own = self.norm(F.gelu(self.dense(states[chosen])))
        logits = (own @ self.inner.get_input_embeddings().weight.T + self.bias).float()
        total = F.cross_entropy(logits, labels[chosen], reduction="sum")
        return total / mean_count(chosen.sum()).clamp(min=1)

    def _rebuilt(
        self, vector: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The loss of writing a text from its vector and what is left of it."""
        assert self.decoder is not None
        words = self.inner.get_input_embeddings()(ids).to(vector.dtype)
        words = words + sinusoids(ids.shape[1], words.shape[2]).to(words)
        given = torch.cat([vector[:, None], words], 1)
        absent = torch.cat([mask.new_ones(len(mask), 1), mask], 1) == 0
        return self._named(self.decoder(given, src_key_padding_mask=absent)[:, 1:], labels)


def pooled(model: Any, features: dict[str, Any]) -> torch.Tensor:
    """A text's vector as the modules behind the first make it, not yet of length 1."""
    for module in list(model)[1:]:
        if type(module).__name__ != "Normalize":
            features = module(features)
    vector: torch.Tensor = features["sentence_embedding"]
    return vector


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Positions (length, width) for a layer that has none (arXiv 1706.03762, section 3.5)."""
    rates = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]


class Adapt(Stage[AdaptRecipe]):
    """The base's folder with other weights: whatever loaded it loads this."""

    name = "pretrain"
    method = "adapt"
    holds_out = True
    recipe = AdaptRecipe

    def train(self, recipe: AdaptRecipe, run: Run) -> Save:
        rows, model = read_rows(recipe.data), base_of(recipe)
        adapter = MaskedEncoder(model, recipe.rebuild, recipe.seed)
        trained, aside = held_out([a + b for a, b in rows], run.held_rows)
        longest = model.max_seq_length or recipe.data.max_tokens
        held = held_epoch(
            recipe,
            len(aside),
            lambda few: HiddenBatches(few, [rows[i] for i in aside], model.tokenizer, longest),
        )
        run.phase(
            "adapt",
            adapter,
            HiddenBatches(recipe, [rows[i] for i in trained], model.tokenizer, longest),
            recipe.optim,
            trainer=PartStepTrainer,
            title="masked language modelling",
            validated=True,
            held=held,
        )
        return partial(save, model)

    def plan(self, recipe: AdaptRecipe) -> dict[str, Any]:
        """What a run would do."""
        model = base_of(recipe)
        config, length = model[0].auto_model.config, recipe.data.max_tokens
        tokens = recipe.batch_size * length
        hidden = recipe.ratio + (recipe.rebuild.ratio if recipe.rebuild else 0)
        softmax = int(tokens * hidden) * int(config.vocab_size) * 8
        layers = kept_by_layers(
            tokens, length, config, recompute=recipe.optim.gradient_checkpointing
        )
        return {
            "rows": {"texts": len(read_rows(recipe.data))},
            **model_plan(MaskedEncoder(model, recipe.rebuild, 0), softmax + layers),
        }


def base_of(recipe: AdaptRecipe) -> Any:
    """The encoder. Raises ModelError where it is none."""
    model = sentence_transformer(recipe.base)
    inner = getattr(model[0], "auto_model", None)
    if inner is None or inner.config.model_type in families.DECODERS:
        raise ModelError(
            f"{recipe.base}: method adapt is for encoders that read both ways; a decoder is adapted by method: mntp"
        )
    if recipe.optim.gradient_checkpointing:
        families.recompute(inner)
    return model


def save(model: Any, folder: Path) -> None:
    """Write the base with what it has become. Raises ConfigError where that is no number."""
    check_finite(model)
    save_model(model, folder)
