"""Any embedding model, every language.

    import lusifer
    model = lusifer.load("out/minilm/model")
    vectors = model.encode(["Wo ist der Bahnhof?", "Where is the station?"])

The names below are the public API: every verb, and every type that a verb takes or returns. Each is
imported when it is first used, so `import lusifer` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lusifer.version import __version__ as __version__

if TYPE_CHECKING:
    from lusifer import curation as curate
    from lusifer.curation.chat import Endpoint
    from lusifer.curation.negatives import Mining
    from lusifer.curation.report import CurationReport
    from lusifer.curation.steps import (
        filter_pairs,
        mine_negatives,
        structure_pairs,
        synthesize_pairs,
    )
    from lusifer.data.validate import ValidationReport, validate
    from lusifer.encoding.bulk import EncodedCorpus, encode, read_vectors
    from lusifer.encoding.stream import encode_stream
    from lusifer.errors import ConfigError, DataError, LusiferError, MissingExtra, ModelError
    from lusifer.evaluation.diagnostics.diagnose import diagnose_model as diagnose
    from lusifer.evaluation.run import evaluate
    from lusifer.evaluation.scores import Score
    from lusifer.evaluation.tasks.kinds import Task
    from lusifer.models.embedder import BaseEmbedder, Embedder
    from lusifer.models.load import LoadedModel, load
    from lusifer.models.sentence_transformer import sentence_transformer
    from lusifer.reshaping.combine import Combining, combine
    from lusifer.reshaping.export import Parity, export
    from lusifer.reshaping.merge import merge
    from lusifer.search.bitext import BitextPair, mine_bitext
    from lusifer.search.index import Index, IndexReport
    from lusifer.search.query import Filter, Hit
    from lusifer.training.run import plan, train

_MODULES = {
    "BaseEmbedder": "models.embedder",
    "BitextPair": "search.bitext",
    "Combining": "reshaping.combine",
    "ConfigError": "errors",
    "CurationReport": "curation.report",
    "DataError": "errors",
    "Embedder": "models.embedder",
    "EncodedCorpus": "encoding.bulk",
    "Endpoint": "curation.chat",
    "Filter": "search.query",
    "Hit": "search.query",
    "Index": "search.index",
    "IndexReport": "search.index",
    "LoadedModel": "models.load",
    "LusiferError": "errors",
    "Mining": "curation.negatives",
    "MissingExtra": "errors",
    "ModelError": "errors",
    "Parity": "reshaping.export",
    "Score": "evaluation.scores",
    "Task": "evaluation.tasks.kinds",
    "ValidationReport": "data.validate",
    "combine": "reshaping.combine",
    "diagnose": "evaluation.diagnostics.diagnose",
    "encode": "encoding.bulk",
    "encode_stream": "encoding.stream",
    "evaluate": "evaluation.run",
    "export": "reshaping.export",
    "filter_pairs": "curation.steps",
    "load": "models.load",
    "merge": "reshaping.merge",
    "mine_bitext": "search.bitext",
    "mine_negatives": "curation.steps",
    "plan": "training.run",
    "read_vectors": "encoding.bulk",
    "sentence_transformer": "models.sentence_transformer",
    "structure_pairs": "curation.steps",
    "synthesize_pairs": "curation.steps",
    "train": "training.run",
    "validate": "data.validate",
}
_OTHER_NAMES = {"diagnose": "diagnose_model"}

__all__ = [
    "BaseEmbedder",
    "BitextPair",
    "Combining",
    "ConfigError",
    "CurationReport",
    "DataError",
    "Embedder",
    "EncodedCorpus",
    "Endpoint",
    "Filter",
    "Hit",
    "Index",
    "IndexReport",
    "LoadedModel",
    "LusiferError",
    "Mining",
    "MissingExtra",
    "ModelError",
    "Parity",
    "Score",
    "Task",
    "ValidationReport",
    "combine",
    "curate",
    "diagnose",
    "encode",
    "encode_stream",
    "evaluate",
    "export",
    "filter_pairs",
    "load",
    "merge",
    "mine_bitext",
    "mine_negatives",
    "plan",
    "read_vectors",
    "sentence_transformer",
    "structure_pairs",
    "synthesize_pairs",
    "train",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name == "curate":  # what the package of curation was called before
        return importlib.import_module("lusifer.curation")
    if name not in _MODULES:
        raise AttributeError(f"module 'lusifer' has no attribute {name!r}")
    module = importlib.import_module(f"lusifer.{_MODULES[name]}")
    return getattr(module, _OTHER_NAMES.get(name, name))


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
