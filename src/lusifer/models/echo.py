"""Echo: a decoder reads each text twice, and only the second reading is pooled.

Method: a causal decoder's states of the first words know nothing of the last; on a second reading
each token has seen the whole text (Springer et al., arXiv 2402.15449). No weight is changed, so it
may be tried on any decoder as it stands. Cost: twice the tokens. Not for models that attend both
ways, which see the whole text at once.
"""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Transformer


class EchoTransformer(Transformer):  # type: ignore[misc]
    """sentence-transformers' module of a decoder, whose token states are those of a second reading."""

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        ids, mask = features["input_ids"], features["attention_mask"]
        twice = torch.cat([mask, mask], 1)
        read = {
            "input_ids": torch.cat([ids, ids], 1),
            "attention_mask": twice,
            "position_ids": (twice.cumsum(1) - 1).clamp(min=0),  # padding stands in the middle too
        }
        states = self.auto_model(**read).last_hidden_state
        features["token_embeddings"] = states[:, ids.shape[1] :]
        return features
