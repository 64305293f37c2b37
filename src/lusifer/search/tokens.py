"""A vector a token beside the one of each passage, for late interaction over a whole index.

Method: a model with heads (`models/heads.py`) gives each passage a matrix of unit rows, which the table
keeps as a multi-vector column; a query's tokens each take their best among a passage's, and the table
ranks by the sum (ColBERT, arXiv 2004.12832; LanceDB's multi-vector search). Cost: a hundred times a dense
index on disk; up to `update.FLAT` passages every token is compared, above that those of the nearest
partitions, product-quantised. Not where sorting the best by the same tokens will do (`--rerank`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from lusifer.errors import LusiferError
from lusifer.models import Embedder, Vectors

if TYPE_CHECKING:
    import pyarrow as pa

COLUMN = "tokens"


@runtime_checkable
class ByTokens(Protocol):
    """What embeds a text as a vector a token."""

    def encode_multi(self, texts: Sequence[str], *, prompt: str | None = None) -> list[Vectors]:
        """A matrix (tokens, dim) of unit rows for each text."""


def token_dim(embedder: Embedder) -> int:
    """The size of a model's token vectors.

    Args:
        embedder: any.

    Raises:
        LusiferError: where it gives no vector a token.
    """
    if not isinstance(embedder, ByTokens):
        raise LusiferError(
            "a multi-vector index wants a model that gives a vector a token: one trained with `heads`"
        )
    return int(embedder.encode_multi(["a"])[0].shape[1])


def token_field(dim: int) -> Any:
    """The column of the table."""
    import pyarrow as pa

    return pa.field(COLUMN, pa.list_(pa.list_(pa.float16(), dim)))


def token_column(embedder: Embedder, texts: Sequence[str], prompt: str | None) -> pa.Array:
    """The token vectors of some passages, as the table keeps them."""
    import pyarrow as pa

    assert isinstance(embedder, ByTokens)
    made = embedder.encode_multi(texts, prompt=prompt)
    flat = np.concatenate(made).astype(np.float16)
    starts = np.cumsum([0, *map(len, made)], dtype=np.int32)
    inner = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel(), pa.float16()), flat.shape[1])
    return pa.ListArray.from_arrays(pa.array(starts), inner)


def nearest_by_tokens(rows: Any, embedder: Embedder, query: str, prompt: str | None) -> Any:
    """A search of the table by a query's tokens.

    Args:
        rows: the table of passages.
        embedder: the index's model.
        query: what is asked.
        prompt: the name of one of the model's prompts.

    Returns:
        The search, to be limited; nearest first.
    """
    assert isinstance(embedder, ByTokens)
    asked = embedder.encode_multi([query], prompt=prompt)[0]
    found = rows.search(np.ascontiguousarray(asked, np.float32), vector_column_name=COLUMN)
    return found.distance_type("cosine")
