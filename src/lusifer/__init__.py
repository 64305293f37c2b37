"""Any embedding model, every language.

    import lusifer
    model = lusifer.load("out/minilm/model")
    vectors = model.encode(["Wo ist der Bahnhof?", "Where is the station?"])

The names below are the public API; each is imported when it is first used, so `import lusifer` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lusifer.version import __version__ as __version__

if TYPE_CHECKING:
    from lusifer import curate
    from lusifer.data.validate import validate
    from lusifer.encode.bulk import encode
    from lusifer.errors import ConfigError, DataError, LusiferError, MissingExtra, ModelError
    from lusifer.evaluate.run import evaluate
    from lusifer.models.embedder import Embedder
    from lusifer.models.load import load, sentence_transformer
    from lusifer.reshape.export import export
    from lusifer.reshape.merge import merge
    from lusifer.search.index import Index
    from lusifer.search.query import Filter
    from lusifer.train.run import plan, train

_PACKAGES = ("curate", "encode", "evaluate", "train")  # the last three can be called
_PLACES = {
    "ConfigError": "lusifer.errors",
    "DataError": "lusifer.errors",
    "Embedder": "lusifer.models.embedder",
    "Filter": "lusifer.search.query",
    "Index": "lusifer.search.index",
    "LusiferError": "lusifer.errors",
    "MissingExtra": "lusifer.errors",
    "ModelError": "lusifer.errors",
    "export": "lusifer.reshape.export",
    "load": "lusifer.models.load",
    "merge": "lusifer.reshape.merge",
    "plan": "lusifer.train.run",
    "sentence_transformer": "lusifer.models.load",
    "validate": "lusifer.data.validate",
}

__all__ = [
    "ConfigError",
    "DataError",
    "Embedder",
    "Filter",
    "Index",
    "LusiferError",
    "MissingExtra",
    "ModelError",
    "curate",
    "encode",
    "evaluate",
    "export",
    "load",
    "merge",
    "plan",
    "sentence_transformer",
    "train",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"lusifer.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'lusifer' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
