"""Latent attention: a pooling that is learnt, from token states by way of a trained dictionary.

Method: each token's state asks `latents` trained rows (keys and values at once) by multi-head
attention; what it gets goes through a feed-forward layer, is added to the state, and the tokens' mean is taken
(NV-Embed, arXiv 2405.17428, section 3.1.2). The added part starts at 0, so an untrained one is mean
pooling and training begins there. Cost: 2 x latents x width a token, small beside the layers. Not
without training, and not where a plain reader must load the model: this module is lusifer's.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from sentence_transformers.base.modules import Module
from torch import nn


class LatentAttention(Module):  # type: ignore[misc]
    """Token states (n, t, width) → `sentence_embedding` (n, width)."""

    config_keys = ("width", "latents", "heads")

    def __init__(self, width: int, latents: int = 512, heads: int = 8) -> None:
        super().__init__()
        while width % heads:  # a head takes an equal part of the width
            heads -= 1
        self.width, self.latents, self.heads = width, latents, heads
        self.rows = nn.Parameter(torch.randn(latents, width) * width**-0.5)
        self.ask, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def get_embedding_dimension(self) -> int:
        """The vectors' size."""
        return self.width

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        states, mask = features["token_embeddings"], features["attention_mask"]
        n, t, width = states.shape
        asked = self.ask(states).view(n, t, self.heads, -1).transpose(1, 2)
        rows = self.rows.view(1, self.latents, self.heads, -1).transpose(1, 2).to(asked.dtype)
        rows = rows.expand(n, -1, -1, -1)
        got = F.scaled_dot_product_attention(asked, rows, rows).transpose(1, 2).reshape(n, t, width)
        added = self.narrow(F.gelu(self.wide(self.out(got))))
        weight = mask[..., None].to(states.dtype)
        features["sentence_embedding"] = ((states + added) * weight).sum(1) / weight.sum(1).clamp(
            min=1
        )
        return features

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **_: Any) -> None:
        """Write the weights and their sizes into a folder."""
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **settings: Any) -> LatentAttention:
        """Read what `save` wrote."""
        hub = {
            k: v
            for k, v in settings.items()
            if k in ("token", "cache_folder", "revision", "local_files_only")
        }
        config = cls.load_config(model_name_or_path, subfolder=subfolder, **hub)
        own = cls(**{k: int(config[k]) for k in cls.config_keys})
        loaded: LatentAttention = cls.load_torch_weights(
            model_name_or_path, subfolder=subfolder, model=own, **hub
        )
        return loaded
