"""A bridge's target reading texts by itself, with its own tokenizer: its weights lie in memory once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule

from lusifer.models.bridge.branches import Branches
from lusifer.models.bridge.module import Bridge, tokenise
from lusifer.models.bridge.parts import inner_model


class TargetReader(InputModule):  # type: ignore[misc]
    """Texts → the target's token states, without encoder and connector. It is not saved: the bridge
    is.
    """

    def __init__(self, bridge: Bridge | Branches, tokenizer: Any, max_tokens: int) -> None:
        """`tokenizer` is the target's own; texts are cut at `max_tokens` of it."""
        super().__init__()
        self.auto_model = inner_model(bridge.target)
        self.tokenizer, self.max_seq_length = tokenizer, max_tokens

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Texts → right-padded ids and mask."""
        return tokenise(
            self.tokenizer, [(prompt or "") + text for text in inputs], self.max_seq_length
        )

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Ids and mask → token states (n, length, d), float32."""
        states = self.auto_model(
            input_ids=features["input_ids"], attention_mask=features["attention_mask"]
        ).last_hidden_state
        return {**features, "token_embeddings": states.float()}

    def get_embedding_dimension(self) -> int:
        """The size of the vectors."""
        return int(self.auto_model.config.hidden_size)

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Raise TypeError: what is saved is the bridge."""
        raise TypeError("a target that reads by itself is saved with its bridge")
