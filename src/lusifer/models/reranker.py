"""Rerankers: a cross-encoder of sentence-transformers, as a function from pairs to scores. Remote
code is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lusifer.errors import MissingExtra, ModelError
from lusifer.models import hub

Reranker = Callable[[list[tuple[str, str]]], Sequence[float]]


def load_reranker(name: str) -> Reranker:
    """The cross-encoder at a path or hub id; higher is better. Raises ModelError where it gives not
    one number a pair.
    """
    try:
        from sentence_transformers import CrossEncoder
    except ModuleNotFoundError:
        raise MissingExtra("sentence-transformers", "train") from None
    folder = hub.locate(name)
    try:
        model = CrossEncoder(
            str(folder), trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except Exception as error:
        raise ModelError(
            f"{name}: cannot be loaded as a cross-encoder ({str(error).splitlines()[0]})"
        ) from error
    if model.num_labels != 1:
        raise ModelError(
            f"{name}: a reranker gives one score a pair; this model gives {model.num_labels}"
        )

    def score(pairs: list[tuple[str, str]]) -> Sequence[float]:
        if not pairs:
            return []
        found: list[float] = model.predict(pairs, show_progress_bar=False).tolist()
        return found

    return score
