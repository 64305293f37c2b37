"""The one seam: everything above the models sees a model only as an `Embedder`; what all
implementations share is in `BaseEmbedder`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, ModelError
from lusifer.text import half_characters, visible

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


class BaseEmbedder(ABC):
    """What every `Embedder` does around its own work: the texts are checked, the prompt is found,
    the vectors are finite unit rows.
    """

    default_prompt: str | None = None
    """The prompt that a text has where none is asked for."""

    normalized: bool = False
    """Whether `vectors` gives unit rows already, as a model that ends in normalising does."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The size of a vector."""

    @property
    @abstractmethod
    def max_tokens(self) -> int:
        """Longer texts are cut to so many tokens; 0 where there is no such length, or it is not
        known.
        """

    @property
    @abstractmethod
    def prompts(self) -> Mapping[str, str]:
        """The model's prompts by name."""

    @abstractmethod
    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        """Vectors of at least one text, (n, dim), unit rows where `normalized` says so, else of any
        length.

        Args:
            texts: checked, without the prompt.
            prompt: a name among `prompts`, or None.
        """

    def encode(
        self, texts: Iterable[str], *, prompt: str | None = None, batch_size: int | None = None
    ) -> Vectors:
        """Unit vectors of texts.

        Args:
            texts: any number of texts, of any length and in any language; a list, or whatever gives
                them one by one. Characters that cannot be seen are left out, and long blanks are
                one (`lusifer.text.visible`).
            prompt: the name of one of `prompts`; without it the model's default prompt, if it has
                one.
            batch_size: take so many texts at a time, so that those of a generator never lie in
                memory together; without it all. How many are computed together is the model's
                affair, which sorts them by length.

        Returns:
            float32, (n, dim), rows of length 1 in the order of the texts.

        Raises:
            LusiferError: where the texts are no list of texts, or the model has no such prompt.
            ModelError: where the model gives NaN or infinity.
        """
        if not isinstance(texts, Iterable) or isinstance(texts, Mapping | bytes):
            raise LusiferError(f"encode takes a list of texts, not {type(texts).__name__}")
        if batch_size is not None:
            if not isinstance(batch_size, int) or batch_size < 1:
                raise LusiferError(f"batch_size is {batch_size!r}; it must be at least 1 text")
            check_texts(texts if isinstance(texts, str) else (), prompt, self.prompts)
            rest = iter(texts)
            parts = iter(lambda: list(islice(rest, batch_size)), [])
            found = [self.encode(part, prompt=prompt) for part in parts]
            return np.concatenate([np.zeros((0, self.dim), dtype=np.float32), *found])
        if not isinstance(texts, Sequence):
            texts = list(texts)
        check_texts(texts, prompt, self.prompts)
        if not len(texts):
            return np.zeros((0, self.dim), dtype=np.float32)
        vectors = finite(self.vectors([visible(text) for text in texts], prompt), texts)
        return vectors if self.normalized else units(vectors)

    def __repr__(self) -> str:
        length = f"{self.max_tokens:,} tokens" if self.max_tokens else "texts of any length"
        prompts = f", prompts {', '.join(self.prompts)}" if self.prompts else ""
        return f"<{type(self).__name__}: {self.dim} numbers, {length}{prompts}>"

    def before(self, prompt: str | None) -> str:
        """What comes before each text: the prompt that is asked for, or the default one."""
        return self.prompts.get(prompt or self.default_prompt or "", "")


def units(sums: Vectors) -> Vectors:
    """Rows made unit vectors; a row of zeros, of a text without a token that the model knows,
    becomes one fixed vector.
    """
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    empty = norms[:, 0] == 0
    found: Vectors = np.divide(sums, np.where(norms == 0, 1, norms), dtype=np.float32)
    found[empty, 0] = 1
    return found


def finite(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    """The vectors, if they are all numbers. Raises ModelError with the first text whose vector is
    not.
    """
    good = np.isfinite(vectors).all(1)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise ModelError(f"the model gave NaN or infinity for text {row}: {texts[row][:60]!r}")
    return vectors


def check_texts(texts: Sequence[str], prompt: str | None, prompts: Mapping[str, str]) -> None:
    """Raise LusiferError for what is no list of texts, or a prompt that the model does not have."""
    if isinstance(texts, str):
        raise LusiferError("encode takes a list of texts, not one text: encode([text])")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise LusiferError(f"text {i} is {type(text).__name__}, expected str")
        if not text.isascii() and half_characters(text):
            raise LusiferError(
                f"text {i} holds half a character (a lone surrogate, from a text that was cut): {text[:60]!a}"
            )
    if prompt is not None and prompt not in prompts:
        raise LusiferError(
            f"the model has no prompt {prompt!r}; its prompts: {', '.join(prompts) or 'none'}"
        )
