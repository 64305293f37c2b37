"""The one seam: everything above the models sees a model only as an `Embedder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, ModelError
from lusifer.models.backends import engine
from lusifer.models.batches import Ints, by_tokens
from lusifer.models.tokenize import FEW, Tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]
Long = Literal["cut", "pool"]


@runtime_checkable
class Embedder(Protocol):
    """Texts → unit vectors."""

    @property
    def dim(self) -> int:
        """The size of a vector."""

    @property
    def max_tokens(self) -> int:
        """Longer texts are cut to so many tokens."""

    @property
    def prompts(self) -> Mapping[str, str]:
        """The model's prompts by name, e.g. `query` and `document`."""

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Vectors of `texts`: float32, shape (n, dim), rows of length 1.

        `prompt` names one of `prompts`; without it the model's own default applies, if it has one.
        """


class TorchEmbedder:
    """A SentenceTransformer (a bridge too) as an `Embedder`."""

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
        """`budget`: tokens of a batch, padding included; 2,048 on a CPU, whose caches they fit, 32,768 on a GPU.

        `long`: what is longer than the model reads is cut, or read in pieces whose vectors are averaged by their tokens (`pool`).
        `compile` fuses a GPU's small operations, at half a minute's cost. `own`: nobody else uses the model, whose weights may be rounded.
        """
        from lusifer.models.backends.torch_runner import PADDED, runner_of

        self.model, self.bf16, self.long = model.eval(), bf16, long
        self.runner = runner_of(self.model, budget, bf16=bf16, compile=compile, own=own)
        self.budget = budget or PADDED[model.device.type != "cpu"]
        if long == "pool" and not hasattr(self.runner, "tokens"):
            raise LusiferError("this model takes no long='pool': it does not read texts as plain tokens")

    @property
    def dim(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        longest = self.model.max_seq_length or 0
        return 0 if longest == float("inf") else int(longest)  # of a table of words, which cuts nothing

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self.model.prompts)

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        check_texts(texts, prompt, self.model.prompts)
        if not len(texts):
            return np.zeros((0, self.dim), dtype=np.float32)
        if self.runner is None:
            return finite(self._by_the_library(texts, prompt), texts)
        before = self.model.prompts.get(prompt or self.model.default_prompt_name or "", "")
        if self.long == "pool":
            return finite(pooled(self.runner, texts, before), texts)  # type: ignore[arg-type]  # it has a tokenizer of ours, or none was made
        return finite(engine.encode(self.runner, texts, before), texts)

    def _by_the_library(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        import torch

        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        routes = getattr(self.model[0], "sub_modules", ())  # of a Router, which has weights of their own for queries
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
        """Tokens of each text, as the model cuts it; what is far too long is not read to its end to know that."""
        longest = self.max_tokens or 1 << 20
        shown = [text[: FEW * longest] for text in texts]
        found = self.model.tokenizer(shown, truncation=True, max_length=longest, return_length=True, return_attention_mask=False)
        return np.array(found["length"], dtype=np.int64)


def pooled(runner: Pieces, texts: Sequence[str], prompt: str) -> Vectors:
    """Vectors of texts of any length: the mean of their pieces', each by its tokens, made a unit."""
    found = [runner.tokens.pieces(text, prompt) for text in texts]
    vectors = engine.encode(runner, [piece for pieces in found for piece, _ in pieces], prompt)
    vectors = units(vectors)
    weights = np.array([max(1, tokens) for pieces in found for _, tokens in pieces], dtype=np.float32)
    starts = np.cumsum([0, *map(len, found)])[:-1]
    sums = np.add.reduceat(vectors * weights[:, None], starts, axis=0)
    return units(sums)


class Pieces(engine.Runner, Protocol):
    """A runner whose tokenizer can cut a text into pieces that fit."""

    @property
    def tokens(self) -> Tokens:
        """Its tokenizer."""


def units(sums: Vectors) -> Vectors:
    """Rows made unit vectors; a row of zeros, of a text without a token that the model knows, becomes one fixed vector."""
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    empty = norms[:, 0] == 0
    found: Vectors = np.divide(sums, np.where(norms == 0, 1, norms), dtype=np.float32)
    found[empty, 0] = 1
    return found


def finite(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    """The vectors, if they are all numbers. Raises ModelError with the first text whose vector is not."""
    good = np.isfinite(vectors).all(1)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise ModelError(f"the model gave NaN or infinity for text {row}: {texts[row][:60]!r}")
    return vectors


def half_characters(text: str) -> bool:
    """Whether a text holds a lone surrogate, which is no character, and of which no UTF-8 can be made."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def check_texts(texts: Sequence[str], prompt: str | None, prompts: Mapping[str, str]) -> None:
    """Raise LusiferError for what is no list of texts, or a prompt that the model does not have."""
    if isinstance(texts, str):
        raise LusiferError("encode takes a list of texts, not one text: encode([text])")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise LusiferError(f"text {i} is {type(text).__name__}, expected str")
        if not text.isascii() and half_characters(text):
            raise LusiferError(f"text {i} holds half a character (a lone surrogate, from a text that was cut): {text[:60]!a}")
    if prompt is not None and prompt not in prompts:
        raise LusiferError(f"the model has no prompt {prompt!r}; its prompts: {', '.join(prompts) or 'none'}")
