"""Requests for vectors, whatever API they came by: token ids read back, vectors shortened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.serving.batcher import Embedded
from lusifer.serving.faults import Fault
from lusifer.serving.service import Service
from lusifer.serving.shelf import Ready

if TYPE_CHECKING:
    import numpy.typing as npt


async def embedded(
    service: Service,
    name: str | None,
    inputs: list[str] | list[list[int]],
    *,
    dimensions: int | None = None,
    prompt: str | None = None,
    input_type: str | None = None,
    what: str = "input",
    cut: bool = True,
) -> tuple[str, Embedded]:
    """A model's name and the vectors of texts or token ids, unit rows.

    Args:
        service: whose models and queue.
        name: of the model; None is the first.
        inputs: texts, or ids of the model's own tokenizer, which are read back as text: what is
            embedded is that text, with the model's special tokens and prompt.
        dimensions: keep so many of a vector's first numbers, made a unit vector again: for models
            trained so (Matryoshka).
        prompt: as for `Service.embed`.
        input_type: as for `Service.embed`.
        what: the request's word for inputs.
        cut: texts longer than the model are cut; without it they are refused.

    Raises:
        Fault: for what cannot be answered.
    """
    slot = service.models.find(name)
    texts = [item for item in inputs if isinstance(item, str)]
    if len(texts) != len(inputs):
        service.batcher.check_tokens(sum(map(len, inputs)))
        ready = await slot.get()
        texts = await service.batcher.beside(lambda: read_back(ready, slot.name, inputs, what))
    known, found = await service.embed(
        slot.name, texts, prompt=prompt, input_type=input_type, what=what, cut=cut
    )
    if dimensions is None:
        return known, found
    width = found.vectors.shape[1]
    if not 1 <= dimensions <= width:
        raise Fault(
            400, f"dimensions is {dimensions}; it must be from 1 to {width}, the model's own"
        )
    return known, Embedded(_shortened(found.vectors, dimensions), found.tokens)


def _shortened(vectors: npt.NDArray[np.float32], dimensions: int) -> npt.NDArray[np.float32]:
    part = vectors[:, :dimensions]
    norms = np.linalg.norm(part, axis=1, keepdims=True)
    return np.asarray(part / np.where(norms == 0, 1, norms), dtype=np.float32)


def read_back(ready: Ready, name: str, rows: Any, what: str = "input") -> list[str]:
    """The texts of token ids. Raises Fault where the model has no such id, or tells no tokenizer."""
    if ready.tokens is None:
        raise Fault(400, f"{name} tells no tokenizer; send texts")
    tokenizer = ready.tokens.tokenizer
    size = tokenizer.get_vocab_size()
    for number, row in enumerate(rows):
        if max(row) >= size:
            raise Fault(
                400,
                f"{what} {number} holds the token id {max(row)}; {name} has {size:,}. Ids must be of "
                "its own tokenizer; send texts instead (LangChain: check_embedding_ctx_length=False)",
            )
    texts: list[str] = tokenizer.decode_batch([list(row) for row in rows])
    return texts
