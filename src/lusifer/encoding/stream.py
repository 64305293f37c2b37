"""Texts that come one by one, as matrices of vectors, in their order: memory for two windows of
texts, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lusifer.encoding.cache import checked
from lusifer.errors import LusiferError
from lusifer.models import Embedder, Vectors, windows


def encode_stream(
    model: Embedder, texts: Iterable[str], *, prompt: str | None = None
) -> Iterator[Vectors]:
    """Embed texts as they come, holding two windows of them at most.

    Args:
        model: any embedder.
        texts: an iterable that may never end.
        prompt: the name of one of the model's prompts.

    Returns:
        Matrices (k, dim) of unit rows: of the first texts, of those after, and so on.

    Raises:
        LusiferError: where one text is given instead of many.
        ModelError: where the model gives a vector that is none.
    """
    if isinstance(texts, str):
        raise LusiferError("encode_stream takes texts, not one text: encode_stream(model, [text])")
    for window in windows(texts):
        yield checked(model, window, prompt)
