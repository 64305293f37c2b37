"""Any embedding model, every language.

    import lusifer
    model = lusifer.load("out/minilm/model")
    vectors = model.encode(["Wo ist der Bahnhof?", "Where is the station?"])

The names below are the public API; each is imported when it is first used, so `import lusifer`
stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lusifer.version import __version__ as __version__

if TYPE_CHECKING:
    from lusifer import curation as curate
    from lusifer.data.validate import validate
    from lusifer.encoding.bulk import encode
    from lusifer.errors import ConfigError, DataError, LusiferError, MissingExtra, ModelError
    from lusifer.evaluation.run import evaluate
    from lusifer.models.embedder import Embedder
    from lusifer.models.load import load
    from lusifer.models.sentence_transformer import sentence_transformer
    from lusifer.reshaping.export import export
    from lusifer.reshaping.merge import merge
    from lusifer.search.index import Index
    from lusifer.search.query import Filter
    from lusifer.training.run import plan, train

_PLACES = {
    "ConfigError": "lusifer.errors",
    "DataError": "lusifer.errors",
    "Embedder": "lusifer.models.embedder",
    "Filter": "lusifer.search.query",
    "Index": "lusifer.search.index",
    "LusiferError": "lusifer.errors",
    "MissingExtra": "lusifer.errors",
    "ModelError": "lusifer.errors",
    "encode": "lusifer.encoding.bulk",
    "evaluate": "lusifer.evaluation.run",
    "export": "lusifer.reshaping.export",
    "load": "lusifer.models.load",
    "merge": "lusifer.reshaping.merge",
    "plan": "lusifer.training.run",
    "sentence_transformer": "lusifer.models.sentence_transformer",
    "train": "lusifer.training.run",
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
    if name == "curate":
        return importlib.import_module("lusifer.curation")
    if name not in _PLACES:
        raise AttributeError(f"module 'lusifer' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
