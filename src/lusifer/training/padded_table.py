"""Tables of words as models to be tuned: read from padded ids while they train, and written as what
they were.

Method: sentence-transformers' `StaticEmbedding` reads ids end to end, every other model padded ids
and a mask; padded, a table goes through the same batches, keys, losses and mini-batches as an
encoder, and its vectors are the same. Cost: a step is a gather and the optimiser's pass over the
whole table. Not where word order decides: no tuning teaches a sum of words that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

from lusifer.io import replacing_folder
from lusifer.models import LONGEST_PIECE, hub, write_as


class PaddedTable(torch.nn.Module):
    """A table of words that reads `input_ids` and `attention_mask` (n, length); vectors (n, d), the
    mean of the rows.
    """

    def __init__(self, table: StaticEmbedding) -> None:
        super().__init__()
        self.embedding, self.tokenizer = table.embedding, PaddedTokens(table.tokenizer)
        self.max_seq_length = (table.tokenizer.truncation or {}).get("max_length")

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        rows, mask = self.embedding.weight, features["attention_mask"]
        sums = F.embedding_bag(
            features["input_ids"], rows, mode="sum", per_sample_weights=mask.to(rows.dtype)
        )
        return features | {"sentence_embedding": sums / mask.sum(1, keepdim=True).clamp_min(1)}

    def get_embedding_dimension(self) -> int:
        return int(self.embedding.embedding_dim)


class PaddedTokens:
    """A table's tokenizer, called as transformers' are: no special tokens, which a table has no use
    for; padded with id 0, masked.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.words = tokenizer

    def __call__(
        self, texts: Sequence[str], *, max_length: int, **_: Any
    ) -> dict[str, torch.Tensor]:
        found = self.words.encode_batch_fast(
            [text[: LONGEST_PIECE * max_length] for text in texts], add_special_tokens=False
        )
        rows = [torch.tensor(encoding.ids[:max_length], dtype=torch.long) for encoding in found]
        width = max(1, *(len(row) for row in rows))
        ids = torch.stack([F.pad(row, (0, width - len(row))) for row in rows])
        mask = torch.stack([F.pad(torch.ones_like(row), (0, width - len(row))) for row in rows])
        return {"input_ids": ids, "attention_mask": mask}


def is_table(model: SentenceTransformer) -> bool:
    """Whether a model is a table of words, plain or padded."""
    return isinstance(model[0], StaticEmbedding | PaddedTable)


def padded(model: SentenceTransformer) -> SentenceTransformer:
    """The same model, reading padded ids."""
    modules = [PaddedTable(model[0]), *list(model)[1:]]
    prompts = {"prompts": model.prompts, "default_prompt_name": model.default_prompt_name}
    return SentenceTransformer(modules=modules, device=str(model.device), **prompts)


def save_table(model: SentenceTransformer, base: str, folder: Path) -> None:
    """Write a tuned table as `base` is written: int8 rows that need no torch, or a standard
    sentence-transformers model.
    """
    model[0] = StaticEmbedding(model[0].tokenizer.words, model[0].embedding.weight.detach().cpu())
    with replacing_folder(folder) as aside:
        write_as(model, hub.locate(base), aside)
