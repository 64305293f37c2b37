"""Masked next-token prediction: a causal language model learns to attend both ways.

Method (LLM2Vec, arXiv 2404.05961, section 2): the causal mask is taken off, a share of a text's tokens is
hidden, and the state *before* each hidden token must name it through the model's own LM head, which
is where it has looked for the next token all along. Low-rank adapters learn alone, and are folded
in; with `lora` null all weights do. What is made is the decoder with `is_causal: false`, a base for
`contrastive`. Cost: 6 x trained-and-frozen parameters FLOPs a token; the softmax is over the hidden
tokens alone. Not where the last token is pooled: a causal decoder is as it should be there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lusifer.errors import ConfigError
from lusifer.io import replacing_folder
from lusifer.models import Lora, causal_lm, families, hub, tokenise
from lusifer.training.adapters import adapters_alone, fold_adapters
from lusifer.training.memory import kept_by_layers, model_plan
from lusifer.training.optim import Optim
from lusifer.training.processes import Batch, mean_count
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.texts import Epochs, TextData, read_texts
from lusifer.training.trainers import PartStepTrainer
from lusifer.training.validation import Validation, held_epoch, held_out


@dataclass(frozen=True)
class MntpRecipe:
    """Everything that `lusifer train` needs to have a decoder attend both ways. `ratio` of the tokens are
    hidden, by `mask`: a mark of the decoder's own vocabulary, since decoders have no mask token.
    """

    stage: Literal["pretrain"]
    method: Literal["mntp"]
    output: str
    base: str
    data: TextData
    seed: int = 0
    ratio: float = 0.2
    mask: str = "_"
    lora: Lora | None = field(default_factory=Lora)
    batch_size: int = 32
    optim: Optim = field(default_factory=lambda: Optim(steps=1000, lr=5e-4))
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError("ratio must be above 0 and below 1")


class HiddenTokens:
    """Step → ids with some hidden, and those as labels; at least one of each text, never its first,
    which no state precedes.
    """

    def __init__(self, recipe: MntpRecipe, texts: list[str], tokenizer: Any) -> None:
        self.recipe, self.texts, self.tokenizer = recipe, texts, tokenizer
        ids = tokenizer(recipe.mask, add_special_tokens=False)["input_ids"]
        if not ids:
            raise ConfigError(f"mask is {recipe.mask!r}, which the tokenizer has no token for")
        self.mask = int(ids[0])
        self.special = torch.tensor(sorted(set(tokenizer.all_special_ids)))
        self.epochs = Epochs(texts, recipe.batch_size, recipe.seed)

    def __call__(self, step: int) -> Batch:
        texts = [self.texts[i] for i in self.epochs(step)]
        ids, mask = tokenise(self.tokenizer, texts, self.recipe.data.max_tokens).values()
        draw = np.random.default_rng([self.recipe.seed, 31, step]).random(tuple(ids.shape))
        may = (mask == 1) & ~torch.isin(ids, self.special)
        may &= mask.cumsum(1) > 1
        chances = torch.from_numpy(draw).masked_fill(~may, 2.0)
        least = chances.min(1, keepdim=True).values  # one of each text, whatever is drawn
        chosen = may & (chances <= torch.maximum(least, torch.full_like(least, self.recipe.ratio)))
        return {
            "input_ids": ids.masked_fill(chosen, self.mask),
            "attention_mask": mask,
            "labels": ids.masked_fill(~chosen, -100),
        }


class MaskedNextToken(nn.Module):
    """A language model that attends both ways, with the loss of its hidden tokens."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        families.direct(model.base_model, causal=False)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        read = self.model.base_model(input_ids=input_ids, attention_mask=attention_mask)
        chosen = labels[:, 1:] != -100
        logits = self.model.get_output_embeddings()(read.last_hidden_state[:, :-1][chosen]).float()
        if cap := getattr(self.model.config, "final_logit_softcapping", None):
            logits = torch.tanh(logits / cap) * cap
        total = F.cross_entropy(logits, labels[:, 1:][chosen], reduction="sum")
        return {"loss": total / mean_count(chosen.sum())}


class Mntp(Stage[MntpRecipe]):
    """The decoder's folder, which `AutoModel` and sentence-transformers load, attending both ways."""

    name = "pretrain"
    method = "mntp"
    holds_out = True
    recipe = MntpRecipe
    result = "decoder"

    def train(self, recipe: MntpRecipe, run: Run) -> Save:
        texts, folder = read_texts(recipe.data), hub.locate(recipe.base)
        tokenizer = families.load_tokenizer(folder)
        model = adapted(causal_lm(folder), recipe)
        trained, aside = held_out(texts, run.held_rows)
        held = held_epoch(
            recipe, len(aside), lambda few: HiddenTokens(few, [texts[i] for i in aside], tokenizer)
        )
        run.phase(
            "mntp",
            MaskedNextToken(model),
            HiddenTokens(recipe, [texts[i] for i in trained], tokenizer),
            recipe.optim,
            trainer=PartStepTrainer,
            title="masked next-token prediction",
            validated=True,
            held=held,
        )

        def save(final: Path) -> None:
            if recipe.lora:
                fold_adapters(model)
            with replacing_folder(final) as aside, families.without_bars():
                model.save_pretrained(aside)
                tokenizer.save_pretrained(aside)

        return save

    def plan(self, recipe: MntpRecipe) -> dict[str, Any]:
        """What a run would do."""
        model = adapted(causal_lm(hub.locate(recipe.base)), recipe)
        length = recipe.data.max_tokens
        tokens = recipe.batch_size * length
        hidden = int(tokens * recipe.ratio) * int(model.config.vocab_size) * 8
        layers = kept_by_layers(
            tokens, length, model.config, learns=recipe.lora is None,
            recompute=recipe.optim.gradient_checkpointing,
        )  # fmt: skip
        return {
            "rows": {"texts": len(read_texts(recipe.data))},
            **model_plan(model, hidden + layers),
        }


def adapted(model: Any, recipe: MntpRecipe) -> Any:
    """The language model with its adapters, alone to be trained; or all of it, where there are none."""
    if recipe.optim.gradient_checkpointing:
        families.recompute(model)
    if recipe.lora:
        adapters_alone(model, model.base_model, recipe.lora)
    return model
