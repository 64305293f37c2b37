"""Loading: a path, a hub id or a URL → an `Embedder`, by the table of formats. Remote code is never run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lusifer.errors import ModelError
from lusifer.models import hub
from lusifer.models.embedder import Embedder, Long
from lusifer.models.ensemble import load_ensemble
from lusifer.models.formats import ENDPOINT, LoadOptions, check_options, format_of
from lusifer.models.identity import identity
from lusifer.renamed import renamed


@renamed(dim="dimensions")
def load(
    name: str | Path = hub.DEFAULT,
    *,
    dimensions: int | None = None,
    bf16: bool = False,
    device: str | None = None,
    encoder: str | None = None,
    target: str | None = None,
    language: str | None = None,
    long: Long = "cut",
    compile: bool = False,
    budget: int | None = None,
) -> Embedder:
    """Load a model, whatever its kind, as an `Embedder`. Remote code is never run.

    Args:
        name: a folder, a hub id, `package:` and a Python module, an endpoint's URL, or one that
            comes with lusifer: `default`, or `static`, which is faster and knows less.
        dimensions: of a static table or an ONNX export, how many of a vector's first numbers to
            keep.
        bf16: compute in bfloat16, where torch computes: about three times as fast on a CPU that has
            it, cosine to fp32 about 0.9999.
        device: torch's name of one, e.g. `cuda`; without it the best that is there.
        encoder: of a bridge, where its encoder is, if it has moved.
        target: of a bridge, where its target is, if it has moved.
        language: of an X-MOD model, the language module, e.g. `de_DE`.
        long: what happens to a text past the model's length: it is `cut`, or read in pieces whose
            vectors are averaged (`pool`).
        compile: fuse a GPU's small operations, at half a minute's cost.
        budget: tokens of a batch, padding included; without it what fits the caches (CPU) or fills
            the card (GPU).

    Returns:
        An object with `encode`, `dim`, `max_tokens` and `prompts`.

    Raises:
        ModelError: where there is no model of that name, it is damaged, asks for remote code, or
            takes no such option.
    """
    if long not in ("cut", "pool"):
        raise ModelError(f"long is {long!r}; it must be cut or pool")
    if budget is not None and budget < 1:
        raise ModelError(f"budget is {budget}; a batch holds at least 1 token")
    options = LoadOptions(
        dimensions, bf16, device, encoder, target, language, long, compile, budget
    )
    if is_url(name):
        from lusifer.models.backends.endpoint import EndpointEmbedder

        check_options("an endpoint", ENDPOINT, options, str(name))
        return EndpointEmbedder(str(name))
    folder = hub.locate(str(name))
    known = format_of(folder)
    check_options(known.what, known.options, options, str(name))
    if known.load is None:
        return load_ensemble(folder, partial(_member, bf16=bf16, device=device))
    return known.load(folder, options)


def _member(name: str, known: str, **settings: Any) -> Embedder | None:
    """A model of an ensemble; None where it is another than it was."""
    found = LoadedModel.load(name, **settings)
    return found.embedder if found.is_that(known) else None


def is_url(name: str | Path) -> bool:
    """Whether a model is named by an endpoint's URL."""
    return str(name).startswith(("http://", "https://"))


@dataclass(frozen=True)
class LoadedModel:
    """A model with the name that finds it again and its identity: what an index, a cache and
    results remember of it.

    `weights` is the hash of its weights alone, by which models were known before: what remembers it
    still accepts the model.
    """

    name: str
    hash: str
    embedder: Embedder
    weights: str = ""

    @classmethod
    def load(cls, name: str | Path, **settings: Any) -> LoadedModel:
        """As `load`; a folder's name is kept whole, so that it is found from anywhere."""
        if is_url(name):
            return cls(str(name), str(name), load(name, **settings))
        folder = hub.locate(str(name))
        full = str(folder.resolve()) if Path(name).expanduser().is_dir() else str(name)
        weights = hub.weights_hash(folder)
        return cls(full, identity(folder, weights), load(name, **settings), weights)

    def is_that(self, remembered: str) -> bool:
        """Whether what was remembered, an identity or the older hash of weights, means this model."""
        return remembered in (self.hash, self.weights or self.hash)
