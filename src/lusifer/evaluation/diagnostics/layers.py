"""Where in a model do languages meet? Each layer's mean-pooled states of parallel sentences; for
SentenceTransformers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from lusifer.evaluation.diagnostics.alignment import mexa
from lusifer.models import Embedder, Vectors

BATCH = 32


def by_layer(model: Embedder, texts: Sequence[str]) -> list[Vectors] | None:
    """Unit vectors (n, width) of the embeddings and of each layer, from below; None where a model
    has no such layers.
    """
    if find_spec("torch") is None:  # then no model has layers that can be looked at
        return None
    from lusifer.models import TorchEmbedder

    first: Any = model.model[0] if isinstance(model, TorchEmbedder) else None
    inner = getattr(first, "auto_model", None)
    if inner is None:
        return None
    import torch

    parts: list[list[Vectors]] = []
    with torch.no_grad():
        for i in range(0, len(texts), BATCH):
            made = first.preprocess(list(texts[i : i + BATCH]))
            features = {
                name: made[name].to(inner.device) for name in ("input_ids", "attention_mask")
            }
            states = inner(**features, output_hidden_states=True).hidden_states
            mask = features["attention_mask"].unsqueeze(-1).float()
            pooled = [(s.float() * mask).sum(1) / mask.sum(1) for s in states]
            parts.append([torch.nn.functional.normalize(p, dim=-1).cpu().numpy() for p in pooled])
    return [np.concatenate(layer) for layer in zip(*parts, strict=True)]


def alignment(x: Sequence[Vectors], y: Sequence[Vectors]) -> tuple[list[float], list[float]]:
    """MEXA and mean cosine (Language Ranker) of a language's sentences and their English
    translations, layer by layer.
    """
    cosines = [(a @ b.T).astype(np.float64) for a, b in zip(x, y, strict=True)]
    return [mexa(c) for c in cosines], [float(np.diag(c).mean()) for c in cosines]
