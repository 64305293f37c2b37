"""Decoder: a small causal language model from scratch, so that the paper's path can be walked
without a download.

Method: a unigram vocabulary, then next-token prediction on single texts by a Llama of the recipe's
shape (pre-norm, rotary positions, gated MLP, tied embeddings). Its use is as a target: `align`
needs an LM head, and `contrastive` shows what alignment is worth. Cost: about 6 x parameters FLOPs a
token; the softmax over the vocabulary is the larger half of a small model. Not for anything else:
with a few million parameters and tokens it writes no sense.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import transformers

from lusifer.io import replacing_folder, write_text
from lusifer.models import families, tokenise
from lusifer.training.memory import kept_by_layers, model_plan
from lusifer.training.optim import Optim
from lusifer.training.processes import Batch, wait_for_all
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.texts import Epochs, TextData, read_texts
from lusifer.training.validation import Validation, held_epoch, held_out
from lusifer.training.vocabulary import BOS, EOS, PAD, Vocabulary, fast_tokenizer, train_tokenizer


@dataclass(frozen=True)
class DecoderShape:
    """The Llama's sizes."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    intermediate: int = 704
    max_tokens: int = 256

    def __post_init__(self) -> None:
        if self.hidden % self.heads:
            raise ValueError(f"shape.hidden must be a multiple of shape.heads ({self.heads})")


@dataclass(frozen=True)
class DecoderRecipe:
    """Everything that `lusifer train` needs to make a small decoder."""

    stage: Literal["pretrain"]
    method: Literal["causal"]
    output: str
    data: TextData
    seed: int = 0
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(size=8000))
    shape: DecoderShape = field(default_factory=DecoderShape)
    batch_size: int = 128
    optim: Optim = field(default_factory=lambda: Optim(steps=2000, lr=2e-3))
    validation: Validation | None = None
    log: Logger | None = None


def decoder_config(recipe: DecoderRecipe, vocabulary: int) -> transformers.LlamaConfig:
    """The decoder's transformers configuration."""
    shape = recipe.shape
    return transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.max_tokens,
        tie_word_embeddings=True,
        use_cache=False,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )


class DecoderBatches:
    """Step → right-padded ids, their mask, and the labels: the ids, padding left out of the loss."""

    def __init__(self, recipe: DecoderRecipe, texts: list[str], tokenizer: Any) -> None:
        self.tokenizer, self.texts, self.max_tokens = (
            tokenizer,
            texts,
            min(recipe.data.max_tokens, recipe.shape.max_tokens),
        )
        self.epochs = Epochs(texts, recipe.batch_size, recipe.seed)

    def __call__(self, step: int) -> Batch:
        ids, mask = tokenise(
            self.tokenizer, [self.texts[i] for i in self.epochs(step)], self.max_tokens
        ).values()
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": ids.masked_fill(mask == 0, -100),
        }


class Decoder(Stage[DecoderRecipe]):
    """The decoder's folder, which `AutoModelForCausalLM.from_pretrained` loads."""

    name = "pretrain"
    method = "causal"
    holds_out = True
    recipe = DecoderRecipe
    result = "decoder"

    def train(self, recipe: DecoderRecipe, run: Run) -> Save:
        texts, file = read_texts(recipe.data), run.output / "tokenizer.json"
        if run.first and not file.exists():
            made = train_tokenizer({"eng_Latn": texts}, recipe.vocabulary, recipe.seed)
            write_text(file, made.to_str())
        wait_for_all()
        tokenizer = fast_tokenizer(file, recipe.shape.max_tokens)
        torch.manual_seed(recipe.seed)
        model = transformers.LlamaForCausalLM(decoder_config(recipe, len(tokenizer)))
        if recipe.optim.gradient_checkpointing:
            families.recompute(model)
        trained, aside = held_out(texts, run.held_rows)
        held = held_epoch(
            recipe,
            len(aside),
            lambda few: DecoderBatches(few, [texts[i] for i in aside], tokenizer),
        )
        run.phase(
            "causal",
            model,
            DecoderBatches(recipe, [texts[i] for i in trained], tokenizer),
            recipe.optim,
            title="causal LM",
            validated=True,
            held=held,
        )

        def save(folder: Path) -> None:
            with replacing_folder(folder) as aside, families.without_bars():
                model.save_pretrained(aside)
                tokenizer.save_pretrained(aside)

        return save

    def plan(self, recipe: DecoderRecipe) -> dict[str, Any]:
        """What a run would do."""
        with torch.device("meta"):
            model = transformers.LlamaForCausalLM(decoder_config(recipe, recipe.vocabulary.size))
        tokens = recipe.batch_size * recipe.data.max_tokens
        activations = tokens * recipe.vocabulary.size * 8 + kept_by_layers(
            tokens,
            recipe.data.max_tokens,
            model.config,
            recompute=recipe.optim.gradient_checkpointing,
        )
        return {
            "rows": {"texts": len(read_texts(recipe.data))},
            **model_plan(model, activations),
        }
