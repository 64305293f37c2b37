"""A model's tokenizer, whatever the model: how many tokens a text takes, and how many of them mean
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lusifer.models.embedder import Embedder


@dataclass(frozen=True)
class TokenAccess:
    """A `tokenizers.Tokenizer` and the id that stands for what it does not know."""

    tokenizer: Any
    unknown: int | None

    @classmethod
    def of(cls, model: Embedder) -> TokenAccess | None:
        """The model's; None for an endpoint, which does not tell."""
        found = getattr(model, "tokenizer", None)
        inner = getattr(model, "model", None)
        if found is None and inner is not None:
            found = getattr(inner, "tokenizer", None)
        found = getattr(found, "backend_tokenizer", found)
        if found is None or not hasattr(found, "encode_batch"):
            return None
        import json

        from tokenizers import Tokenizer

        own = Tokenizer.from_str(
            found.to_str()
        )  # a copy: the model's own cuts and pads as it needs
        own.no_truncation()
        own.no_padding()
        said = json.loads(own.to_str())["model"]
        unknown = said.get("unk_id")
        if unknown is None and said.get("unk_token") is not None:
            unknown = own.token_to_id(said["unk_token"])
        return cls(own, unknown)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens."""
        return [e.ids for e in self.tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def count(self, texts: Sequence[str]) -> tuple[int, int]:
        """All tokens of the texts, and those unknown."""
        ids = self.ids(texts)
        return sum(map(len, ids)), sum(i == self.unknown for row in ids for i in row)
