"""The one seam: everything above the models sees a model only as an `Embedder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]


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

    def __init__(self, model: SentenceTransformer, batch_size: int = 64, *, bf16: bool = False) -> None:
        self.model, self.batch_size, self.bf16 = model.eval(), batch_size, bf16

    @property
    def dim(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        return int(self.model.max_seq_length or 0)

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self.model.prompts)

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        check_texts(texts, prompt, self.model.prompts)
        if not len(texts):
            return np.zeros((0, self.dim), dtype=np.float32)
        import torch

        with torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            vectors = self.model.encode(
                list(texts),
                prompt_name=prompt,
                batch_size=self.batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(1))[0])
            raise ModelError(f"the model gave NaN or infinity for text {row}: {texts[row][:60]!r}")
        return np.asarray(vectors, dtype=np.float32)


def check_texts(texts: Sequence[str], prompt: str | None, prompts: Mapping[str, str]) -> None:
    """Raise LusiferError for what is no list of texts, or a prompt that the model does not have."""
    if isinstance(texts, str):
        raise LusiferError("encode takes a list of texts, not one text: encode([text])")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise LusiferError(f"text {i} is {type(text).__name__}, expected str")
    if prompt is not None and prompt not in prompts:
        raise LusiferError(f"the model has no prompt {prompt!r}; its prompts: {', '.join(prompts) or 'none'}")
