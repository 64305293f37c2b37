"""Rerankers: a cross-encoder of sentence-transformers, or an embedder's own token vectors, as a function
from pairs to scores. Remote code is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lusifer.errors import MissingExtra, ModelError
from lusifer.models import hub
from lusifer.models.token_access import TokenAccess

Reranker = Callable[[list[tuple[str, str]]], Sequence[float]]


@dataclass(frozen=True)
class LoadedReranker:
    """A reranker with what is known of it; called as a `Reranker`.

    Args:
        score: the function.
        bounded: whether its scores lie from 0 to 1; else they are of any size.
        tokens: its tokenizer, where it tells one.
        max_tokens: what it reads of a pair; 0 where it does not tell.
    """

    score: Reranker
    bounded: bool = False
    tokens: TokenAccess | None = None
    max_tokens: int = 0

    def __call__(self, pairs: list[tuple[str, str]]) -> Sequence[float]:
        return self.score(pairs)


def cross_encoder(name: str, *, seed: int | None = None) -> Any:
    """The cross-encoder at a path or hub id.

    Args:
        name: a folder, a hub id or a package.
        seed: where it is to be trained: an encoder gets a head of one number, drawn from this seed.

    Returns:
        sentence-transformers' `CrossEncoder`.

    Raises:
        ModelError: where it cannot be loaded, or gives not one number a pair.
    """
    try:
        import torch
        from sentence_transformers import CrossEncoder

        from lusifer.models.families import without_bars
    except ModuleNotFoundError:
        raise MissingExtra("sentence-transformers", "train") from None
    folder = hub.locate(name)
    new: dict[str, Any] = {} if seed is None else {"num_labels": 1}
    with torch.random.fork_rng(), without_bars():
        torch.manual_seed(seed or 0)
        try:
            model = CrossEncoder(
                str(folder), trust_remote_code=False, model_kwargs={"use_safetensors": True}, **new
            )
        except Exception as error:
            raise ModelError(
                f"{name}: cannot be loaded as a cross-encoder ({str(error).splitlines()[0]})"
            ) from error
    if seed is None and not _scores(folder):
        raise ModelError(
            f"{name}: is an encoder and no reranker, so it gives no score; `lusifer train reranker` makes one of it"
        )
    if model.num_labels != 1:
        raise ModelError(
            f"{name}: a reranker gives one score a pair; this model gives {model.num_labels}"
        )
    return model


def _scores(folder: Path) -> bool:
    """Whether what is saved has a head; one drawn at random would sort by chance."""
    kinds = hub.read_json(folder / "config.json").get("architectures")
    return (folder / "modules.json").exists() or (
        isinstance(kinds, list)
        and any(str(kind).endswith("ForSequenceClassification") for kind in kinds)
    )


def _by_tokens(name: str) -> LoadedReranker:
    """A model with heads as a reranker."""
    from lusifer.models.heads import HybridEmbedder
    from lusifer.models.load import load

    model = load(name)
    assert isinstance(model, HybridEmbedder)
    return LoadedReranker(
        model.score_pairs, tokens=TokenAccess.of(model), max_tokens=model.max_tokens
    )


def load_reranker(name: str) -> LoadedReranker:
    """A reranker as a function from (query, passage) pairs to scores; higher is better.

    Args:
        name: a cross-encoder's folder, such as `lusifer train reranker` makes, a hub id or a package; or a
            model with `heads`, whose tokens are compared (late interaction).

    Returns:
        The function, a list of pairs in and a score for each out, with what is known of it.

    Raises:
        ModelError: where it cannot be loaded, or gives not one number a pair.
    """
    if (hub.locate(name) / "heads.json").exists():
        return _by_tokens(name)
    model = cross_encoder(name)

    def score(pairs: list[tuple[str, str]]) -> Sequence[float]:
        if not pairs:
            return []
        found: list[float] = model.predict(pairs, show_progress_bar=False).tolist()
        return found

    bounded = type(model.activation_fn).__name__ == "Sigmoid"
    return LoadedReranker(score, bounded, TokenAccess.of(model), model.max_seq_length or 0)
