"""The kinds of model, one line each: how a folder is told to be one, what loads it, and what
`lusifer models` says of it.

The first format that recognises a folder reads it. To add one, write a backend behind
`BaseEmbedder` and its line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lusifer.errors import ModelError
from lusifer.models.backends.onnx import load_onnx, onnx_file
from lusifer.models.backends.static import is_static, load_static, read_static_config
from lusifer.models.embedder import Embedder, Long
from lusifer.models.ensemble import ENSEMBLE
from lusifer.models.hub import read_json, weights_files


@dataclass(frozen=True)
class LoadOptions:
    """What `lusifer.load` may be asked for beside the name; each format takes some of them.

    Every format takes `bf16`, which says something about torch alone: what is not computed there
    has its own precision.
    """

    dimensions: int | None = None
    bf16: bool = False
    device: str | None = None
    encoder: str | None = None
    target: str | None = None
    language: str | None = None
    long: Long = "cut"
    compile: bool = False
    budget: int | None = None

    def asked(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != f.default
        }


@dataclass(frozen=True)
class Description:
    """What a folder's files tell of a model: its kind, the size of a vector, languages and figures
    where it declares them.
    """

    kind: str
    dim: str
    languages: str = ""
    figures: str = ""


@dataclass(frozen=True)
class ModelFormat:
    """A kind of model. `what` names it in a sentence; `options` are those of `LoadOptions` that it
    takes; without `load` it is made of other models, which `lusifer.models.load` puts together.
    """

    what: str
    detect: Callable[[Path], bool]
    load: Callable[[Path, LoadOptions], Embedder] | None
    describe: Callable[[Path], Description]
    options: frozenset[str]


def format_of(folder: Path) -> ModelFormat:
    """The format of a model folder: the first that recognises it."""
    return next(known for known in FORMATS if known.detect(folder))


def check_options(what: str, taken: frozenset[str], options: LoadOptions, name: str) -> None:
    """Raise ModelError for an option that a model of this kind does not take."""
    asked = {
        key: value for key, value in options.asked().items() if (key, value) != ("device", "cpu")
    }
    wrong = [f"{key}={value!r}" for key, value in asked.items() if key not in taken]
    if wrong:
        raise ModelError(f"{name}: is {what}, which takes no {', no '.join(wrong)}")


def _describe_static(folder: Path) -> Description:
    config = read_static_config(folder)
    return Description("static", str(config.dim), *_languages_and_figures(config.about))


def _describe_onnx(folder: Path) -> Description:
    file = folder / "config.json"
    about = read_json(file).get("about") if file.exists() else None
    return Description(
        "onnx", _width(folder), *_languages_and_figures(about if isinstance(about, dict) else {})
    )


def _languages_and_figures(about: Mapping[str, Any]) -> tuple[str, str]:
    """The languages and the figures of a card's short form."""
    figures = "; ".join(f"{task} {value}" for task, value in about.get("figures", {}).items())
    return str(about.get("languages", "")), figures


def _describe_torch(folder: Path) -> Description:
    file = folder / "config.json"
    return Description(
        str(read_json(file).get("model_type", "?")) if file.exists() else "?", _width(folder)
    )


def _describe_ensemble(folder: Path) -> Description:
    config: Any = read_json(folder / ENSEMBLE)
    names = [str(one.get("name")).rpartition("/")[2] for one in config.get("members", [])]
    return Description("ensemble", "?", " + ".join(names))


def _width(folder: Path) -> str:
    file = folder / "config.json"
    return str(read_json(file).get("hidden_size", "?")) if file.exists() else "?"


def _load_hybrid(folder: Path, options: LoadOptions) -> Embedder:
    from lusifer.models.heads import Heads, HybridEmbedder
    from lusifer.models.sentence_transformer import sentence_transformer

    model = sentence_transformer(folder, device=options.device, language=options.language)
    return HybridEmbedder(
        model, Heads.read(folder), options.budget, bf16=options.bf16, compile=options.compile
    )


def _load_adapted(folder: Path, options: LoadOptions) -> Embedder:
    from lusifer.models.adapters import AdaptedEmbedder
    from lusifer.models.sentence_transformer import sentence_transformer

    model = sentence_transformer(folder, device=options.device, language=options.language)
    return AdaptedEmbedder(
        model, folder, options.budget, bf16=options.bf16, compile=options.compile
    )


def _load_torch(folder: Path, options: LoadOptions) -> Embedder:
    from lusifer.models.backends.torch_embedder import TorchEmbedder

    model, settings = _in_torch(folder, options)
    return TorchEmbedder(model, options.budget, own=True, **settings)


def _load_bridge(folder: Path, options: LoadOptions) -> Embedder:
    document: Any = read_json(folder / "bridge.json")
    if document.get("config", {}).get("english") != "target":
        return _load_torch(folder, options)
    from lusifer.models.english_route import EnglishRoute, target_tokenizer

    model, settings = _in_torch(folder, options)
    return EnglishRoute(model, target_tokenizer(folder, options.target), options.budget, **settings)


def _in_torch(folder: Path, options: LoadOptions) -> tuple[Any, dict[str, Any]]:
    """The model, and the options that every embedder of torch's takes."""
    from lusifer.models.sentence_transformer import sentence_transformer

    model = sentence_transformer(
        folder,
        device=options.device,
        encoder=options.encoder,
        target=options.target,
        language=options.language,
    )
    return model, {"bf16": options.bf16, "long": options.long, "compile": options.compile}


ENDPOINT = frozenset({"bf16"})
TORCH = frozenset({"bf16", "device", "language", "long", "compile", "budget"})
FORMATS = (
    ModelFormat(
        "an ensemble",
        lambda folder: (folder / ENSEMBLE).exists(),
        None,
        _describe_ensemble,
        frozenset({"bf16", "device"}),
    ),
    ModelFormat(
        "a static table",
        is_static,
        lambda folder, options: load_static(folder, options.dimensions),
        _describe_static,
        frozenset({"dimensions", "bf16"}),
    ),
    ModelFormat(
        "an ONNX export",
        lambda folder: onnx_file(folder) is not None and not weights_files(folder),
        lambda folder, options: load_onnx(folder, options.long, options.dimensions),
        _describe_onnx,
        frozenset({"dimensions", "long", "bf16"}),
    ),
    ModelFormat(
        "a bridge",
        lambda folder: (folder / "bridge.json").exists(),
        _load_bridge,
        lambda folder: Description("bridge", _width(folder / "target")),
        TORCH | {"encoder", "target"},
    ),
    ModelFormat(
        "a model with heads",
        lambda folder: (folder / "heads.json").exists(),
        _load_hybrid,
        _describe_torch,
        TORCH - {"long"},
    ),
    ModelFormat(
        "a model with adapters",
        lambda folder: (folder / "adapters.json").exists(),
        _load_adapted,
        _describe_torch,
        TORCH - {"long"},
    ),
    ModelFormat(
        "a sentence-transformers model", lambda folder: True, _load_torch, _describe_torch, TORCH
    ),
)
