"""Query-side tuning: only queries learn; documents stay where the base put them, so an index that
it made stays valid.

Method (arXiv 2407.00923): documents' vectors are made once by the base and kept; the contrast's
gradient reaches queries alone. What is saved is a sentence-transformers Router: queries go through
the tuned weights, documents through the base's. Cost: a pass for one text a row instead of (2 +
negatives), and twice the base on disk. Not where documents may be embedded anew: training both
sides learns more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router

from lusifer.data import RowStore
from lusifer.encoding import CachedRows, Encoder
from lusifer.io import Lazy, fingerprint
from lusifer.models import TorchEmbedder, hub, identity
from lusifer.training.processes import Batch, rank_and_world, wait_for_all

FROZEN = "frozen"  # the feature that holds a text's vector as it stays


class Documents(Lazy[str]):
    """All texts of a store but its queries, row by row."""

    def __init__(self, store: RowStore) -> None:
        self.store, self.width = store, store.columns - 1

    def __len__(self) -> int:
        return len(self.store) * self.width

    def item(self, index: int) -> str:
        """A text, row by row."""
        return self.store[index // self.width][1 + index % self.width]


def frozen_vectors(
    base: SentenceTransformer,
    name: str,
    prompt: str,
    max_tokens: int,
    stores: list[RowStore],
    folder: Path,
) -> list[CachedRows]:
    """The vectors that the model `base`, named `name`, gives each store's `Documents` after the
    prompt; kept in `folder`.
    """
    base.prompts, base.default_prompt_name = {"document": prompt}, None
    base.max_seq_length = min(max_tokens, base.max_seq_length or max_tokens)
    path = hub.locate(name)
    cache = (
        folder / f"frozen-{fingerprint(hub.weights_hash(path), [])[:8]}"
    )  # so named by runs begun before a model had an identity
    if not cache.exists():
        cache = folder / f"frozen-{fingerprint(identity(path), [])[:8]}"
    if rank_and_world()[0] == 0:
        for store in stores:
            Encoder(TorchEmbedder(base), cache).rows(Documents(store), "document")
    wait_for_all()
    return [
        Encoder(TorchEmbedder(base), cache).rows(Documents(store), "document") for store in stores
    ]


def add_frozen(
    batch: Batch,
    frozen: list[CachedRows],
    stores: list[RowStore],
    positions: Sequence[tuple[int, int]],
    columns: int,
) -> None:
    """Put the vectors of documents and negatives beside their token ids."""
    for column in range(columns):
        name = "document" if column == 0 else f"negative_{column - 1}"
        starts = [
            (source, row * (stores[source].columns - 1) + column) for source, row in positions
        ]
        batch[f"{name}_{FROZEN}"] = torch.from_numpy(
            np.concatenate([frozen[source][row : row + 1] for source, row in starts])
        )


def beside_its_base(model: Any, base: SentenceTransformer) -> SentenceTransformer:
    """A model that embeds queries by `model` and documents by `base`."""
    router = Router.for_query_document(
        query_modules=list(model), document_modules=list(base), default_route="document"
    )
    return SentenceTransformer(
        modules=[router],
        device=str(model.device),
        prompts=model.prompts,
        default_prompt_name=model.default_prompt_name,
    )
