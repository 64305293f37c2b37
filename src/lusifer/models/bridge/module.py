"""The bridge: a multilingual encoder's token states, through a connector, into an English model as
its input.

Method (LUSIFER, arXiv 2501.00874): tokens → encoder → connector → target by `inputs_embeds` →
pooling → normalise. It is a sentence-transformers module; pooling and normalisation are that
library's. Cost: one pass through both models, the target's backbone alone (no LM head, no kept
hidden states). Not worth it where a map of pooled vectors does as well: measure.

Every row's tokens are moved to the front before each model, so batch, padding side and padding
length change nothing. How it lies on disk stands in `checkpoint.py`, what it is made of in
`parts.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from lusifer.models import families, hub, varlen
from lusifer.models.bridge.checkpoint import BridgeCheckpoint
from lusifer.models.bridge.connectors import make_connector, to_front
from lusifer.models.bridge.parts import (
    BridgeConfig,
    Part,
    adapted,
    check_lengths,
    continued,
    directed,
    inner_model,
)
from lusifer.models.bridge.words import WordPooling


class Bridge(BridgeCheckpoint):
    """Encoder, connector and target as one module: token ids in, the target's token states out."""

    save_in_root = True

    def __init__(
        self,
        config: BridgeConfig,
        encoder: Any,
        target: Any,
        tokenizer: Any,
        found: dict[str, hub.Base],
    ) -> None:
        super().__init__()
        self.config, self.tokenizer, self.bases = config, tokenizer, found
        self.encoder = adapted(encoder, config.encoder)
        self.target = adapted(target, config.target)
        check_lengths(config, encoder.config, target.config)
        width_in, width_out = families.width(encoder.config), families.width(target.config)
        self.connector = make_connector(config.connector, width_in, width_out, target)
        self.residual = nn.Linear(width_in, width_out) if config.connector.residual else None
        self.gate = nn.Parameter(torch.tensor(0.1)) if config.connector.residual else None
        self.words = WordPooling(tokenizer) if config.connector.words else None
        self.max_seq_length = config.max_tokens
        self.set_trainable()

    @classmethod
    def new(cls, config: BridgeConfig) -> Bridge:
        """A new bridge between two bases, its connector untrained."""
        parts: dict[str, Any] = {}
        found: dict[str, hub.Base] = {}
        folders = {
            "encoder": hub.locate(config.encoder.base),
            "target": hub.locate(config.target.base),
        }
        for role, folder in folders.items():
            families.read_config(folder, role)  # type: ignore[arg-type]
        config = directed(config, folders["target"])
        hub.check_head(config.target.base, folders["target"])
        tokenizer = families.load_tokenizer(folders["encoder"])
        for role, folder in folders.items():
            part: Part = getattr(config, role)
            parts[role] = families.load(
                folder,
                role,  # type: ignore[arg-type]
                getattr(torch, part.dtype),
                causal=part.causal,
            )
            found[role] = hub.describe(part.base, folder, exact=part.exact)
        bridge = cls(config, parts["encoder"], parts["target"], tokenizer, found)
        bridge.connector.prepare(
            bridge.mean_states, partial(families.load_tokenizer, folders["target"])
        )
        return bridge

    @classmethod
    def going_on(cls, config: BridgeConfig, start: Bridge) -> Bridge:
        """A bridge of `config` that begins with what `start` has learnt."""
        bridge = cls.new(continued(config, start.config, inner_model(start.target).config))
        bridge.take_over(start)
        return bridge

    def mean_states(self, texts: Sequence[str]) -> torch.Tensor:
        """The encoder's mean states of a few texts, (n, e), float32."""
        self.eval()
        with torch.no_grad():
            batch = self.preprocess(list(texts))
            states = self.encode_tokens(batch["input_ids"], batch["attention_mask"])
        return masked_mean(*states).float()

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Texts → right-padded token ids and mask, each text with its prompt, cut at `max_tokens`."""
        return tokenise(
            self.tokenizer,
            [(prompt or "") + text for text in inputs],
            kwargs.get("max_length") or self.max_seq_length,
        )

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        states, mask = self.encode_tokens(features["input_ids"], features["attention_mask"])
        out, joined_mask = self.write(states, mask)
        return {**features, "token_embeddings": out, "attention_mask": joined_mask}

    def laid_end_to_end(
        self, ids: torch.Tensor, segments: varlen.Segments
    ) -> tuple[torch.Tensor, varlen.Segments]:
        """As `forward` for texts laid end to end, (T,): the target's states (1, T', d) and their
        segments.

        Both models see no padding; the connector, a hundredth of the work, gets the states padded
        as ever.
        """
        return self.write_laid(*self.words_of(*self.read_laid(ids, segments)))

    def encode_tokens(
        self, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's states (n, length, e) and their mask, real tokens first; of words, not
        tokens, for the connector `words`.
        """
        return self.words_of(*self.read(ids, mask))

    def read(
        self, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids, the encoder's states of them and their mask, real tokens first."""
        ids, mask = to_front(ids, mask)
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.training and self.config.noise:
            states = states + torch.randn_like(states) * (self.config.noise * states.detach().std())
        return ids, states, mask

    def read_laid(
        self, ids: torch.Tensor, segments: varlen.Segments
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As `read` for texts laid end to end, whose states are then padded."""
        present = varlen.mask_of(segments)
        padded = ids.new_zeros(present.shape)
        padded[present] = ids
        states = varlen.run(inner_model(self.encoder), segments, ids=ids)[0]
        wide = states.new_zeros((*present.shape, states.shape[-1]))
        wide[present] = states
        return padded, wide, present.long()

    def words_of(
        self, ids: torch.Tensor, states: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States of words and their mask, for a connector that reads words; else of tokens, as they
        are.
        """
        return self.words(ids, states, mask) if self.words else (states, mask)

    def write(self, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the connector reads → the target's states (n, length', d), float32, and their mask."""
        joined, joined_mask = self.join(states, mask)
        out = self.target(inputs_embeds=joined, attention_mask=joined_mask).last_hidden_state
        if self.residual is not None and self.gate is not None:
            shared = self.residual(masked_mean(states.float(), mask))
            out = self.gate * out.float() + shared.unsqueeze(1)
        return out.float(), joined_mask

    def write_laid(
        self, states: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, varlen.Segments]:
        """As `write`, the target's states laid end to end, (1, T', d)."""
        joined, joined_mask = self.join(states, mask)
        own = joined_mask.bool()
        rows = varlen.Segments.of(own.sum(1).tolist(), joined.device)
        out = varlen.run(inner_model(self.target), rows, embeds=joined[own])
        if self.residual is not None and self.gate is not None:
            shared = self.residual(masked_mean(states.float(), mask))
            out = self.gate * out.float() + torch.repeat_interleave(shared, own.sum(1), dim=0)[None]
        return out.float(), rows

    def join(self, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encoder states → the target's input embeddings and their mask."""
        weight = next(self.connector.parameters())
        joined, mask = self.connector(states.to(weight.dtype), mask, inner_model(self.target))
        return joined.to(families.embeddings(inner_model(self.target))[0].dtype), mask

    def set_trainable(self) -> None:
        """Freeze all that a checkpoint would not hold."""
        names = set(self.trained_names())
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in names)

    def train(self, mode: bool = True) -> Bridge:
        """Training mode reaches only the parts that are trained: a frozen part keeps dropout off."""
        super().train(mode)
        for role in ("encoder", "target"):
            if getattr(self.config, role).train == "frozen" and not self.checkpointing:
                getattr(self, role).eval()
        return self

    checkpointing = False

    def checkpoint_activations(self) -> None:
        """Recompute activations in the backward pass: less memory, about a third more time.

        transformers does so in training mode alone, so a frozen part keeps that mode, with its
        dropout set to 0.
        """
        self.checkpointing = True
        for role in ("encoder", "target"):
            model = getattr(self, role)
            families.recompute(inner_model(model))
            if getattr(self.config, role).train == "frozen":
                families.no_dropout(model)

    def get_word_embedding_dimension(self) -> int:
        """The size of the vectors, the target's."""
        return families.width(inner_model(self.target).config)

    get_embedding_dimension = get_word_embedding_dimension

    def merged(self) -> Bridge:
        """A standalone bridge: adapters merged into their weights, both models kept whole in its
        checkpoint.
        """
        parts = {}
        for role in ("encoder", "target"):
            model = getattr(self, role)
            parts[role] = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        whole = {
            role: Part(
                base=getattr(self.config, role).base,
                train="full",
                dtype=getattr(self.config, role).dtype,
                attention=getattr(self.config, role).attention,
            )
            for role in parts
        }
        config = BridgeConfig(
            **{**{f: getattr(self.config, f) for f in self.config.__dataclass_fields__}, **whole}
        )
        bridge = Bridge(config, parts["encoder"], parts["target"], self.tokenizer, self.bases)
        bridge.connector, bridge.residual, bridge.gate = self.connector, self.residual, self.gate
        bridge.eval()
        return bridge


def tokenise(tokenizer: Any, texts: list[str], max_tokens: int) -> dict[str, torch.Tensor]:
    """Texts → padded ids and mask (n, length), each text cut at `max_tokens`."""
    batch = tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
        return_token_type_ids=False,
    )
    return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the real positions: (n, length, d), (n, length) → (n, d)."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp_min(1)


# Checkpoints name their module by this path, so that it stays what it was when they were written.
Bridge.__module__ = "lusifer.models.bridge"
