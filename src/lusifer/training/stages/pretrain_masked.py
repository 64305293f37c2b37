"""Pretrain a multilingual encoder from scratch: vocabulary, masked and translation LM, then
translation ranking.

Method: (1) a balanced unigram vocabulary; (2) masked LM on single texts and on translation pairs
joined in one row (TLM, Conneau & Lample 2019, arXiv 1901.07291), lexicon pairs included; (3)
translation ranking with an additive margin in both directions (LaBSE, arXiv 2007.01852, eq. 1-3) on
mean-pooled states. In (3) each row is pooled over a random part of its tokens, so that every
token's state, not their sum alone, comes to carry the sentence: what a bridge reads. On a CPU,
`warm` first ranks with the embedding table alone (the layers start as the identity), which learns
the words some twenty times faster than the layers would; the masked LM's softmax over the
vocabulary is what two cores cannot pay. Cost: measured on two cores, `warm` 2,200 pairs a second,
ranking through 3 layers of 384 about 130. Not where XLM-R already covers the languages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers
from torch import nn

from lusifer.data import pad
from lusifer.io import replacing_folder
from lusifer.models import families
from lusifer.training.corpus import Data, check_kinds, prepare, read_kind
from lusifer.training.losses.margin import margin_ranking, same_texts
from lusifer.training.memory import kept_by_layers, model_plan
from lusifer.training.optim import Optim
from lusifer.training.pair_store import PairStore, Sampler
from lusifer.training.processes import Batch, wait_for_all
from lusifer.training.ranking import Ranking, RankingBatches, sampled_tokens
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.vocabulary import BOS, EOS, PAD, SPECIALS, Vocabulary, fast_tokenizer


@dataclass(frozen=True)
class EncoderShape:
    """A ModernBERT-style encoder (pre-norm, rotary positions, gated MLP, full attention)."""

    hidden: int = 384
    layers: int = 6
    heads: int = 6
    intermediate: int = 1024
    max_tokens: int = 512


SINGLE = ("parallel", "lexicon", "monolingual")


@dataclass(frozen=True)
class Masking:
    """Masked LM phase. `kinds` are the shares of batches drawn from parallel, monolingual and
    lexicon rows.
    """

    optim: Optim = field(default_factory=lambda: Optim(steps=3000, lr=1e-3))
    log: Logger | None = None
    batch_tokens: int = 65_536
    ratio: float = 0.3
    kinds: dict[str, float] = field(
        default_factory=lambda: {"parallel": 0.6, "monolingual": 0.25, "lexicon": 0.15}
    )

    def __post_init__(self) -> None:
        check_kinds(self.kinds, SINGLE)


@dataclass(frozen=True)
class PretrainRecipe:
    """Everything that `lusifer train` needs to make an encoder."""

    stage: Literal["pretrain"]
    output: str
    data: Data
    method: Literal["masked"] = "masked"
    seed: int = 0
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    shape: EncoderShape = field(default_factory=EncoderShape)
    masking: Masking | None = field(default_factory=Masking)
    ranking: Ranking | None = field(default_factory=Ranking)
    warm: Ranking | None = None

    def __post_init__(self) -> None:
        if not (self.warm or self.masking or self.ranking):
            raise ValueError(
                "nothing to train: name at least one of the phases warm, masking and ranking"
            )


def _start_as_identity(encoder: Any) -> None:
    """Zero each layer's output projections: the encoder starts as its table alone and learns what
    context adds.
    """
    for layer in encoder.layers:
        for projection in (layer.attn.Wo, layer.mlp.Wo):
            nn.init.zeros_(projection.weight)


def encoder_config(recipe: PretrainRecipe, vocabulary: int) -> transformers.ModernBertConfig:
    """The encoder's transformers configuration."""
    shape = recipe.shape
    return transformers.ModernBertConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.max_tokens,
        layer_types=["full_attention"] * shape.layers,
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 10_000.0}},
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        cls_token_id=BOS,
        sep_token_id=EOS,
        sparse_prediction=True,
        attn_implementation="sdpa",
    )


class MaskedBatches:
    """Step → masked rows: pairs joined in one row in either order, single texts, lexicon pairs."""

    def __init__(
        self, recipe: PretrainRecipe, phase: Masking, stores: dict[str, PairStore], vocabulary: int
    ) -> None:
        self.phase, self.seed, self.vocabulary = phase, recipe.seed, vocabulary
        self.stores = stores
        self.sampler = Sampler(
            stores,
            self.phase.kinds,
            recipe.data.temperature,
            self.phase.batch_tokens,
            seed=recipe.seed,
        )

    def __call__(self, step: int) -> Batch:
        kind, rows = self.sampler(step)
        rng = np.random.default_rng([self.seed, 1, step])
        store = self.stores[kind]
        sequences = []
        for row, swap in zip(rows, rng.random(len(rows)) < 0.5, strict=True):
            english, text = store.pair(row)
            first, second = (text, english) if swap else (english, text)
            parts: list[Any] = (
                [[BOS], first, [EOS], second, [EOS]]
                if len(first) and len(second)
                else [[BOS], text, [EOS]]
            )
            sequences.append(np.concatenate(parts).astype(np.uint32))
        ids, mask = pad(sequences, PAD)
        chosen = (
            (rng.random(ids.shape) < self.phase.ratio) & (mask == 1) & (ids != BOS) & (ids != EOS)
        )
        labels = np.where(chosen, ids, -100)
        fate = rng.random(ids.shape)
        ids = np.where(chosen & (fate < 0.8), self.vocabulary - 1, ids)
        ids = np.where(
            chosen & (fate > 0.9), rng.integers(len(SPECIALS), self.vocabulary - 1, ids.shape), ids
        )
        return {
            k: torch.from_numpy(v)
            for k, v in (("input_ids", ids), ("attention_mask", mask), ("labels", labels))
        }


class Ranker(nn.Module):
    """Encoder, mean pooling over a random share of the tokens, margin ranking loss."""

    def __init__(
        self, encoder: Any, phase: Ranking, seed: int, *, table_alone: bool = False
    ) -> None:
        super().__init__()
        self.encoder, self.phase, self.seed, self.table_alone = encoder, phase, seed, table_alone

    def forward(self, step: torch.Tensor, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + int(step))
        pooled = []
        for side in ("english", "text"):
            ids, mask = batch[f"{side}_ids"], batch[f"{side}_mask"]
            if self.table_alone:
                states = self.encoder.final_norm(self.encoder.embeddings(input_ids=ids))
            else:
                states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            keep = (
                sampled_tokens(mask, self.phase.pooled_share, generator)
                .unsqueeze(-1)
                .to(states.dtype)
            )
            pooled.append((states * keep).sum(1) / keep.sum(1))
        same = same_texts(batch["english_key"], batch["text_key"])
        return {
            "loss": margin_ranking(
                pooled[0], pooled[1], self.phase.temperature, self.phase.margin, same
            )
        }


def save_encoder(model: Any, tokenizer: Any, folder: Path, recipe: PretrainRecipe) -> None:
    """Write the encoder as a plain sentence-transformers folder: bf16 weights, tokenizer, mean
    pooling.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    half = model.to(torch.bfloat16)
    with replacing_folder(folder) as aside, families.without_bars():
        base = aside / ".base"
        half.save_pretrained(base)
        tokenizer.save_pretrained(base)
        module = Transformer(str(base), model_kwargs={"dtype": torch.bfloat16})
        pooling = Pooling(recipe.shape.hidden, pooling_mode="mean")
        SentenceTransformer(modules=[module, pooling, Normalize()], device="cpu").save(
            str(aside), create_model_card=False
        )
        import shutil

        shutil.rmtree(base)


class Pretrain(Stage[PretrainRecipe]):
    """The encoder's folder, which `AutoModel.from_pretrained` and `SentenceTransformer` load."""

    name = "pretrain"
    method = "masked"
    usual = True
    recipe = PretrainRecipe
    result = "encoder"

    def check(self, recipe: PretrainRecipe, *, restart: bool) -> None:
        """What the data lack is told when they are read: each kind by its name."""

    def train(self, recipe: PretrainRecipe, run: Run) -> Save:
        if run.first:
            prepare(recipe.data, recipe.vocabulary, recipe.seed, run.prepared)
        wait_for_all()
        file, stores = prepare(recipe.data, recipe.vocabulary, recipe.seed, run.prepared)
        tokenizer = fast_tokenizer(file, recipe.shape.max_tokens)
        config = encoder_config(recipe, len(tokenizer))
        torch.manual_seed(recipe.seed)
        model = transformers.ModernBertForMaskedLM(config)
        phases = (recipe.masking, recipe.ranking)
        if any(phase and phase.optim.gradient_checkpointing for phase in phases):
            families.recompute(model)

        def rank(name: str, phase: Ranking, title: str, *, table_alone: bool = False) -> None:
            ranker = Ranker(model.model, phase, recipe.seed, table_alone=table_alone)
            batches = RankingBatches(phase, stores, recipe.data.temperature, recipe.seed)
            run.phase(name, ranker, batches, phase.optim, title=title)

        if recipe.warm:
            _start_as_identity(model.model)
            rank("warm", recipe.warm, "translation ranking, table alone", table_alone=True)
        if recipe.masking:
            masked = MaskedBatches(recipe, recipe.masking, stores, len(tokenizer))
            run.phase("masking", model, masked, recipe.masking.optim, title="masked LM")
        if recipe.ranking:
            rank("ranking", recipe.ranking, "translation ranking")
        return lambda folder: save_encoder(model.model, tokenizer, folder, recipe)

    def plan(self, recipe: PretrainRecipe) -> dict[str, Any]:
        """What a run would do: rows by kind, parameters by part. Reads the data, trains nothing."""
        with torch.device("meta"):
            model = transformers.ModernBertForMaskedLM(
                encoder_config(recipe, recipe.vocabulary.size)
            )
        tokens = max(
            phase.batch_tokens for phase in (recipe.warm, recipe.masking, recipe.ranking) if phase
        )
        planned = model_plan(model, kept_by_layers(tokens, recipe.data.max_tokens, model.config))
        planned["parameters"]["encoder"] = sum(p.numel() for p in model.model.parameters())
        return {"rows": {kind: len(read_kind(recipe.data, kind)) for kind in SINGLE}, **planned}
