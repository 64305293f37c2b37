"""A sentence-transformers model, a bridge too, as an `Embedder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from lusifer.errors import LusiferError
from lusifer.models.backends import engine
from lusifer.models.backends.long_texts import encode_in_pieces
from lusifer.models.backends.torch_runner import PADDED, runner_of
from lusifer.models.batches import Ints, by_tokens
from lusifer.models.embedder import BaseEmbedder, Long, Vectors
from lusifer.models.tokenize import FEW

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class TorchEmbedder(BaseEmbedder):
    """A SentenceTransformer (a bridge too) as an `Embedder`."""

    normalized = True

    def __init__(
        self,
        model: SentenceTransformer,
        budget: int | None = None,
        *,
        bf16: bool = False,
        long: Long = "cut",
        compile: bool = False,
        own: bool = False,
    ) -> None:
        """`budget`: tokens of a batch, padding included; 1,024 on a CPU, whose caches they fit,
        32,768 on a GPU.

        `long`: what is longer than the model reads is cut, or read in pieces whose vectors are
        averaged by their tokens (`pool`). `compile` fuses a GPU's small operations, at half a
        minute's cost. `own`: nobody else uses the model, whose weights may be rounded.
        """
        self.model, self.bf16, self.long = model.eval(), bf16, long
        self.runner = runner_of(self.model, budget, bf16=bf16, compile=compile, own=own)
        self.budget = budget or PADDED[model.device.type != "cpu"]
        if long == "pool" and not hasattr(self.runner, "tokens"):
            raise LusiferError(
                "this model takes no long='pool': it does not read texts as plain tokens"
            )

    @property
    def dim(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        longest = self.model.max_seq_length or 0
        return (
            0 if longest == float("inf") else int(longest)
        )  # of a table of words, which cuts nothing

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self.model.prompts)

    @property
    def default_prompt(self) -> str | None:  # type: ignore[override]  # the model's own setting, which may change
        name: str | None = self.model.default_prompt_name
        return name

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        if self.runner is None:
            return self._by_the_library(texts, prompt)
        if self.long == "pool":
            return encode_in_pieces(self.runner, texts, self.before(prompt))  # type: ignore[arg-type]  # it has a tokenizer of ours
        return engine.encode(self.runner, texts, self.before(prompt))

    def _by_the_library(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        routes = getattr(
            self.model[0], "sub_modules", ()
        )  # of a Router, which has weights of their own for queries
        route = {"task": prompt} if prompt in routes else {}
        with torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            for rows in by_tokens(self._lengths(texts), self.budget):
                vectors[rows] = self.model.encode(
                    [texts[row] for row in rows],
                    prompt_name=prompt,
                    batch_size=len(rows),
                    normalize_embeddings=True,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                    **route,
                )
        return vectors

    def _lengths(self, texts: Sequence[str]) -> Ints:
        """Tokens of each text, as the model cuts it; what is far too long is not read to its end to
        know that.
        """
        longest = self.max_tokens or 1 << 20
        shown = [text[: FEW * longest] for text in texts]
        found = self.model.tokenizer(
            shown,
            truncation=True,
            max_length=longest,
            return_length=True,
            return_attention_mask=False,
        )
        return np.array(found["length"], dtype=np.int64)
