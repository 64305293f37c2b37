"""The identity of a model: one value made of everything that changes a vector.

Weights and what lies outside an ONNX graph, pooling, length, prompts, tokenizer, the configuration
of a bridge, heads and adapters. Two folders that give other vectors have other identities; what a
library writes for itself (its version, where a file once lay) does not count, nor does a model
card. Cost: one pass over the files. An index, a cache, results and teachers all know a model by it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lusifer.io import sha256
from lusifer.models.hub import onnx_files, weights_files, weights_hash

SETTINGS = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "bridge.json",
    "branches.json",
    "heads.json",
    "adapters.json",
    "ensemble.json",
    "router_config.json",
)
FURTHER = ("[0-9]*_*/*.json", "[a-z]*_[0-9]*_*/*.json", "adapters/*/adapter_config.json")
WORDS = ("vocab.txt", "merges.txt", "vocab.json", "*.model")
IDLE = {  # keys that change no vector
    "__version__",
    "transformers_version",
    "_name_or_path",
    "name_or_path",
    "base_model_name_or_path",
    "similarity_fn_name",
    "about",
    "padding",
    "truncation",
    "architectures",
    "use_cache",
    "auto_mapping",
}
NO_WEIGHTS = (".json", ".md", ".txt", ".model", ".yaml", ".py", ".gitattributes")


def identity(folder: str | Path, weights: str = "") -> str:
    """The identity of the model in a folder.

    Args:
        folder: a model folder, as `hub.locate` finds it.
        weights: the hash of its weights (`hub.weights_hash`), where it is known already.

    Returns:
        64 hexadecimal digits.

    Raises:
        OSError: where a file cannot be read.
    """
    folder = Path(folder)
    digest = hashlib.sha256((weights or weights_hash(folder)).encode())
    if not weights_files(folder):  # an ONNX graph may name files of any name that hold its weights
        graphs = onnx_files(folder)
        beside = {file for graph in graphs for file in graph.parent.iterdir() if file.is_file()}
        further = [file for file in beside.difference(graphs) if not file.name.endswith(NO_WEIGHTS)]
        digest.update(sha256(*further).encode())
    found = {folder / name for name in SETTINGS} | {
        file for pattern in (*FURTHER, *WORDS) for file in folder.glob(pattern)
    }
    for file in sorted(file for file in found if file.is_file()):
        digest.update(f"\0{file.relative_to(folder).as_posix()}\0".encode())
        digest.update(_essence(file))
    return digest.hexdigest()


def _essence(file: Path) -> bytes:
    """A settings file's content without what changes no vector; a file that is no JSON as it is."""
    raw = file.read_bytes()
    if file.suffix != ".json":
        return raw
    try:
        value = json.loads(raw)
    except ValueError:
        return raw
    top: Any = (
        {k: v for k, v in value.items() if k not in IDLE} if isinstance(value, dict) else value
    )
    return json.dumps(top, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
