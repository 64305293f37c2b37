"""Pretrain a multilingual encoder from scratch: vocabulary, masked and translation LM, then translation ranking.

Method: (1) a balanced unigram vocabulary; (2) masked LM on single texts and on translation pairs joined in one row
(TLM, Conneau & Lample 2019, arXiv 1901.07291), lexicon pairs included; (3) translation ranking with an additive margin in
both directions (LaBSE, arXiv 2007.01852, eq. 1-3) on mean-pooled states. In (3) each row is pooled over a random part
of its tokens, so that every token's state, not their sum alone, comes to carry the sentence: what a bridge reads.
On a CPU, `warm` first ranks with the embedding table alone (the layers start as the identity), which learns the words
some twenty times faster than the layers would; the masked LM's softmax over the vocabulary is what two cores cannot pay.
Cost: measured on two cores, `warm` 2,200 pairs a second, ranking through 3 layers of 384 about 130. Not where XLM-R
already covers the languages.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from torch import nn

from lusifer.data.sources import Source, read_source, require
from lusifer.data.tokens import pad
from lusifer.files import replacing_folder, write_json, write_text
from lusifer.models import families
from lusifer.train.loop import Batch, Optim, StepBatches, StepTrainer, arguments, claim, rank_and_world, run_phase, wait_for_all
from lusifer.train.losses import margin_ranking, own_rows, same_texts
from lusifer.train.pairs import PairStore, Sampler
from lusifer.train.vocabulary import BOS, EOS, PAD, SPECIALS, Vocabulary, by_language, fast_tokenizer, train_tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """Where the texts are. `temperature` balances languages: a language of n rows is drawn in proportion to n^temperature."""

    root: str = "."
    parallel: tuple[Source, ...] = ()
    lexicon: tuple[Source, ...] = ()
    monolingual: tuple[Source, ...] = ()
    temperature: float = 0.5
    max_tokens: int = 96

    def __post_init__(self) -> None:
        if not self.parallel:
            raise ValueError("data.parallel must name at least one source")


@dataclass(frozen=True)
class Shape:
    """A ModernBERT-style encoder (pre-norm, rotary positions, gated MLP, full attention)."""

    hidden: int = 384
    layers: int = 6
    heads: int = 6
    intermediate: int = 1024
    max_tokens: int = 512


KINDS = ("parallel", "lexicon", "monolingual")


def check_kinds(kinds: dict[str, float], known: tuple[str, ...]) -> None:
    """Raise ValueError for a share of something else, or shares that are no shares."""
    for kind, share in kinds.items():
        if kind not in known or share < 0:
            raise ValueError(f"kinds are shares, 0 or more, of {', '.join(known)}; not {kind}: {share}")


@dataclass(frozen=True)
class Masking:
    """Masked LM phase. `kinds` are the shares of batches drawn from parallel, monolingual and lexicon rows."""

    optim: Optim = field(default_factory=lambda: Optim(steps=3000, lr=1e-3))
    batch_tokens: int = 65_536
    ratio: float = 0.3
    kinds: dict[str, float] = field(default_factory=lambda: {"parallel": 0.6, "monolingual": 0.25, "lexicon": 0.15})

    def __post_init__(self) -> None:
        check_kinds(self.kinds, KINDS)


@dataclass(frozen=True)
class Ranking:
    """Translation ranking phase."""

    optim: Optim = field(default_factory=lambda: Optim(steps=3000, lr=5e-4))
    batch_tokens: int = 131_072
    max_rows: int = 4096
    temperature: float = 0.05
    margin: float = 0.1
    pooled_share: float = 0.5
    max_tokens: int = 64
    kinds: dict[str, float] = field(default_factory=lambda: {"parallel": 0.65, "lexicon": 0.35})

    def __post_init__(self) -> None:
        check_kinds(self.kinds, ("parallel", "lexicon"))


@dataclass(frozen=True)
class Recipe:
    """Everything that `lusifer train` needs to make an encoder."""

    stage: Literal["pretrain"]
    output: str
    data: Data
    seed: int = 0
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    shape: Shape = field(default_factory=Shape)
    masking: Masking | None = field(default_factory=Masking)
    ranking: Ranking | None = field(default_factory=Ranking)
    warm: Ranking | None = None

    def __post_init__(self) -> None:
        if not (self.warm or self.masking or self.ranking):
            raise ValueError("nothing to train: name at least one of the phases warm, masking and ranking")


def run(recipe: Recipe, *, restart: bool = False) -> Path:
    """Make the encoder; returns its folder, which `AutoModel.from_pretrained` and `SentenceTransformer` load."""
    output = claim(recipe.output, recipe, restart=restart)
    if rank_and_world()[0] == 0:
        prepare(recipe, output / "prepared")
    wait_for_all()
    tokenizer, stores = prepare(recipe, output / "prepared")
    config = encoder_config(recipe, len(tokenizer))
    torch.manual_seed(recipe.seed)
    model = transformers.ModernBertForMaskedLM(config)
    final = output / "encoder"
    if (final / "config.json").exists():
        log.info("%s is finished", final)
        return final
    if any(phase and phase.optim.gradient_checkpointing for phase in (recipe.masking, recipe.ranking)):
        families.recompute(model)
    if recipe.warm:
        _start_as_identity(model.model)
        _rank(model.model, recipe, recipe.warm, stores, output / "warm", "translation ranking, table alone", table_alone=True)
    if recipe.masking:
        masked = MaskedBatches(recipe, recipe.masking, stores, len(tokenizer))
        phase = StepBatches(recipe.masking.optim.steps, masked)
        args = arguments(recipe.masking.optim, output / "masking", recipe.seed)
        run_phase(StepTrainer(model=model, args=args, train_dataset=phase), "masked LM")
    if recipe.ranking:
        _rank(model.model, recipe, recipe.ranking, stores, output / "ranking", "translation ranking")
    if rank_and_world()[0] == 0:
        save_encoder(model.model, tokenizer, final, recipe)
    wait_for_all()
    return final


def _rank(
    encoder: Any, recipe: Recipe, phase: Ranking, stores: dict[str, PairStore], folder: Path, name: str, *, table_alone: bool = False
) -> None:
    ranker = Ranker(encoder, phase, recipe.seed, table_alone=table_alone)
    batches = StepBatches(phase.optim.steps, RankingBatches(recipe, phase, stores))
    trainer = StepTrainer(model=ranker, args=arguments(phase.optim, folder, recipe.seed), train_dataset=batches)
    run_phase(trainer, name)


def _start_as_identity(encoder: Any) -> None:
    """Zero each layer's output projections: the encoder starts as its table alone and learns what context adds."""
    for layer in encoder.layers:
        for projection in (layer.attn.Wo, layer.mlp.Wo):
            nn.init.zeros_(projection.weight)


def prepare(recipe: Recipe, folder: Path) -> tuple[Any, dict[str, PairStore]]:
    """Tokenizer and token stores, made once and kept in `folder`; a `tokenizer.json` beside it is used as it is."""
    file = folder.parent / "tokenizer.json"
    if not (folder / "done.json").exists():
        rows = {kind: _rows(recipe, kind) for kind in KINDS}
        counts = {kind: len(r) for kind, r in rows.items()}
        log.info("read %s", counts)
        if not file.exists():
            texts = by_language((lang, t) for r in rows.values() for lang, _, t in r)
            texts["eng_Latn"] = sorted({e for r in rows.values() for _, e, _ in r if e})
            write_text(file, train_tokenizer(texts, recipe.vocabulary, recipe.seed).to_str())
        tokenizer = Tokenizer.from_file(str(file))
        with replacing_folder(folder) as aside:
            for kind, kept in rows.items():
                PairStore.build(tokenizer, kept, recipe.data.max_tokens).save(aside / kind)
            write_json(aside / "done.json", counts)
    return fast_tokenizer(file, recipe.shape.max_tokens), {kind: PairStore.open(folder / kind) for kind in KINDS}


def _rows(recipe: Recipe, kind: str) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for source in getattr(recipe.data, kind):
        require(source, ("text",) if kind == "monolingual" else ("english", "text"), f"data.{kind}")
        for row in read_source(source, recipe.data.root):
            values = row.values
            rows.append((values["language"], values.get("english", ""), values["text"]))
    return rows


def encoder_config(recipe: Recipe, vocabulary: int) -> transformers.ModernBertConfig:
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

    def __init__(self, recipe: Recipe, phase: Masking, stores: dict[str, PairStore], vocabulary: int) -> None:
        self.phase, self.seed, self.vocabulary = phase, recipe.seed, vocabulary
        self.stores = stores
        self.sampler = Sampler(stores, self.phase.kinds, recipe.data.temperature, self.phase.batch_tokens, seed=recipe.seed)

    def __call__(self, step: int) -> Batch:
        kind, rows = self.sampler(step)
        rng = np.random.default_rng([self.seed, 1, step])
        store = self.stores[kind]
        sequences = []
        for row, swap in zip(rows, rng.random(len(rows)) < 0.5, strict=True):
            english, text = store.pair(row)
            first, second = (text, english) if swap else (english, text)
            parts: list[Any] = [[BOS], first, [EOS], second, [EOS]] if len(first) and len(second) else [[BOS], text, [EOS]]
            sequences.append(np.concatenate(parts).astype(np.uint32))
        ids, mask = pad(sequences, PAD)
        chosen = (rng.random(ids.shape) < self.phase.ratio) & (mask == 1) & (ids != BOS) & (ids != EOS)
        labels = np.where(chosen, ids, -100)
        fate = rng.random(ids.shape)
        ids = np.where(chosen & (fate < 0.8), self.vocabulary - 1, ids)
        ids = np.where(chosen & (fate > 0.9), rng.integers(len(SPECIALS), self.vocabulary - 1, ids.shape), ids)
        return {k: torch.from_numpy(v) for k, v in (("input_ids", ids), ("attention_mask", mask), ("labels", labels))}


class RankingBatches:
    """Step → pairs of about equal length, with a hash of each side so that equal texts are not each other's negatives."""

    def __init__(self, recipe: Recipe, phase: Ranking, stores: dict[str, PairStore]) -> None:
        self.stores, self.longest = stores, phase.max_tokens
        self.sampler = Sampler(
            stores, phase.kinds, recipe.data.temperature, phase.batch_tokens, phase.max_rows, recipe.seed + 1, 2 * phase.max_tokens
        )

    def __call__(self, step: int) -> Batch:
        kind, rows = self.sampler(step)
        store = self.stores[kind]
        batch: Batch = {"step": torch.tensor(step)}
        pairs = [store.pair(row) for row in rows]
        same = (store.source[rows], store.text_hash[rows].astype(np.int64))
        for side, name in enumerate(("english", "text")):
            ids, mask = pad([np.concatenate([[BOS], pair[side][: self.longest], [EOS]]).astype(np.uint32) for pair in pairs], PAD)
            batch |= {f"{name}_ids": torch.from_numpy(ids), f"{name}_mask": torch.from_numpy(mask)}
            batch[f"{name}_key"] = torch.from_numpy(same[side])
        return batch


class Ranker(nn.Module):
    """Encoder, mean pooling over a random share of the tokens, margin ranking loss."""

    def __init__(self, encoder: Any, phase: Ranking, seed: int, *, table_alone: bool = False) -> None:
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
            drawn = torch.rand((len(mask) * rank_and_world()[1], mask.shape[1]), generator=generator)[own_rows(mask.cpu())]
            keep = (drawn < self.phase.pooled_share).to(mask.device) * mask
            keep = torch.where(keep.sum(1, keepdim=True) > 0, keep, mask).unsqueeze(-1).to(states.dtype)
            pooled.append((states * keep).sum(1) / keep.sum(1))
        same = same_texts(batch["english_key"], batch["text_key"])
        return {"loss": margin_ranking(pooled[0], pooled[1], self.phase.temperature, self.phase.margin, same)}


def save_encoder(model: Any, tokenizer: Any, folder: Path, recipe: Recipe) -> None:
    """Write the encoder as a plain sentence-transformers folder: bf16 weights, tokenizer, mean pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    half = model.to(torch.bfloat16)
    with replacing_folder(folder) as aside:
        base = aside / ".base"
        half.save_pretrained(base)
        tokenizer.save_pretrained(base)
        module = Transformer(str(base), model_kwargs={"dtype": torch.bfloat16})
        pooling = Pooling(recipe.shape.hidden, pooling_mode="mean")
        SentenceTransformer(modules=[module, pooling, Normalize()], device="cpu").save(str(aside), create_model_card=False)
        import shutil

        shutil.rmtree(base)


def plan(recipe: Recipe) -> dict[str, Any]:
    """What a run would do: rows by kind, parameters by part. Reads the data, trains nothing."""
    with torch.device("meta"):
        model = transformers.ModernBertForMaskedLM(encoder_config(recipe, recipe.vocabulary.size))
    parameters = sum(p.numel() for p in model.parameters())
    tokens = max(phase.batch_tokens for phase in (recipe.warm, recipe.masking, recipe.ranking) if phase)
    return {
        "rows": {kind: len(_rows(recipe, kind)) for kind in KINDS},
        "parameters": {"encoder": sum(p.numel() for p in model.model.parameters()), "total": parameters, "trained": parameters},
        "memory_bytes": parameters * 16 + tokens * recipe.shape.hidden * recipe.shape.layers * 40,
    }
