"""Loading: a path or a hub id → a SentenceTransformer, or the `Embedder` over it. Remote code is never run."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lusifer.errors import MissingExtra, ModelError
from lusifer.models import hub
from lusifer.models.backends.static import is_static, load_static
from lusifer.models.embedder import Embedder, Long

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OURS = "lusifer.models."
TRUSTED = (OURS, "sentence_transformers.")


def load(
    name: str | Path = hub.DEFAULT,
    *,
    dim: int | None = None,
    bf16: bool = False,
    device: str | None = None,
    encoder: str | None = None,
    target: str | None = None,
    language: str | None = None,
    long: Long = "cut",
    compile: bool = False,
    budget: int | None = None,
) -> Embedder:
    """The model at a path, a hub id or an endpoint's URL, or the one that comes with lusifer; the rest as for `sentence_transformer`.

    `dim` cuts a static table's vectors to their first numbers. `bf16` computes in bfloat16: about three times as fast on a
    CPU that has it, cosine to fp32 about 0.9999. `long="pool"` reads a text past the model's length in pieces, whose vectors are
    averaged, instead of cutting it. `compile` fuses a GPU's small operations, at half a minute's cost. `budget`: tokens of a batch.

    Raises ModelError where it is no model, is damaged, or asks for remote code.
    """
    if long not in ("cut", "pool"):
        raise ModelError(f"long is {long!r}; it must be cut or pool")
    folder = None if is_url(name) else hub.locate(str(name))
    special = folder is None or is_static(folder) or any((folder / f).exists() for f in ("heads.json", "adapters.json"))
    if special and long != "cut":
        raise ModelError(f"{name}: takes no long={long!r} (a static table, an endpoint, a model with heads or adapters)")
    if folder and is_static(folder):
        return load_static(folder, dim)
    if dim is not None:
        raise ModelError(f"{name}: is no static table, so it takes no dim=")
    if folder is None:
        from lusifer.models.backends.endpoint import EndpointEmbedder

        return EndpointEmbedder(str(name))
    from lusifer.models.backends.onnx import load_onnx, onnx_file

    if onnx_file(folder) and not hub.weights_files(folder):
        return load_onnx(folder, long)
    model = sentence_transformer(folder, device=device, encoder=encoder, target=target, language=language)
    if (folder / "heads.json").exists():
        from lusifer.models.heads import Heads, HybridEmbedder

        return HybridEmbedder(model, Heads.read(folder), bf16=bf16)
    if (folder / "adapters.json").exists():
        from lusifer.models.adapters import AdaptedEmbedder

        return AdaptedEmbedder(model, folder, bf16=bf16)
    from lusifer.models.backends.torch_embedder import TorchEmbedder

    return TorchEmbedder(model, budget, bf16=bf16, long=long, compile=compile, own=True)


def is_url(name: str | Path) -> bool:
    """Whether a model is named by an endpoint's URL."""
    return str(name).startswith(("http://", "https://"))


@dataclass(frozen=True)
class Named:
    """A model, the name that finds it again, and its weights' hash: what an index remembers of it."""

    name: str
    hash: str
    embedder: Embedder

    @classmethod
    def load(cls, name: str | Path, **settings: Any) -> Named:
        """As `load`; a folder's name is kept whole, so that it is found from anywhere."""
        if is_url(name):
            return cls(str(name), str(name), load(name, **settings))
        folder = hub.locate(str(name))
        kept = str(folder.resolve()) if Path(name).expanduser().is_dir() else str(name)
        return cls(kept, hub.weights_hash(folder), load(name, **settings))


def sentence_transformer(
    name: str | Path,
    *,
    device: str | None = None,
    encoder: str | None = None,
    target: str | None = None,
    language: str | None = None,
) -> SentenceTransformer:
    """The model itself. For a bridge, `encoder=` and `target=` say where its bases are, if they have moved.

    `language` chooses the language module (`de_DE`) of an X-MOD model (arXiv 2205.06266), whose modules are swapped, not trained anew.
    """
    model = _sentence_transformer(name, device, encoder, target)
    if language is not None:
        _choose_language(model, language)
    return model


def _choose_language(model: SentenceTransformer, language: str) -> None:
    inner = getattr(model[0], "auto_model", None)
    known = getattr(getattr(inner, "config", None), "languages", None)
    if inner is None or known is None or not hasattr(inner, "set_default_language"):
        raise ModelError(f"language is {language!r}, but the model has no language modules")
    if language not in known:
        raise ModelError(f"the model has no module for the language {language!r}; its modules: {', '.join(known)}")
    inner.set_default_language(language)


def _sentence_transformer(name: str | Path, device: str | None, encoder: str | None, target: str | None) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer
    except ModuleNotFoundError:
        raise MissingExtra("sentence-transformers", "train") from None
    from lusifer.models.packed import is_packed

    folder = hub.locate(str(name))
    moved = {k: v for k, v in (("encoder", encoder), ("target", target)) if v}
    if moved and not (folder / "bridge.json").exists():
        raise ModelError(f"{folder}: is no bridge, so it takes no {'= and no '.join(moved)}=")
    if is_packed(folder):
        return _packed(folder, device)
    if is_static(folder):
        from lusifer.models.static_table import read_table

        return read_table(folder, device)
    if not (folder / "modules.json").exists():
        return _plain(folder, device)
    listed = _listed(folder)
    for module in listed:
        if not module["type"].startswith(TRUSTED):
            raise ModelError(f"{folder}: asks for code of its own ({module['type']}), which is not run")
    if not any(module["type"].startswith(OURS) for module in listed):
        return _plain(folder, device)
    modules = []
    for module in listed:
        path, _, attribute = module["type"].rpartition(".")
        cls = getattr(importlib.import_module(path), attribute)
        try:
            modules.append(cls.load(str(folder), subfolder=module["path"], **(moved if module["type"].startswith(OURS) else {})))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder / module['path']}: damaged or incomplete ({' '.join(str(error).split())[:200]})") from error
    settings = hub.read_json(folder / "config_sentence_transformers.json")
    names = ("prompts", "default_prompt_name", "similarity_fn_name")
    return SentenceTransformer(modules=modules, device=device, **{k: settings[k] for k in names if settings.get(k)}).eval()


def _listed(folder: Path) -> list[dict[str, str]]:
    import json

    try:
        listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        return [{"type": str(m["type"]), "path": str(m["path"])} for m in listed]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'modules.json'}: not a list of modules ({error})") from None


def _plain(folder: Path, device: str | None, **settings: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    from lusifer.models.families import without_bars

    kwargs = {"use_safetensors": True, **settings}
    try:
        with without_bars():
            return SentenceTransformer(str(folder), device=device, trust_remote_code=False, model_kwargs=kwargs).eval()
    except Exception as error:
        raise ModelError(f"{folder}: cannot be loaded ({str(error).splitlines()[0]})") from error


def _packed(folder: Path, device: str | None) -> SentenceTransformer:
    """An encoder with packed weights, mean-pooled: unpacked aside into the format that the library reads."""
    import shutil
    import tempfile

    from safetensors.torch import save_file

    from lusifer.models.packed import REST, TABLES, unpack

    with tempfile.TemporaryDirectory() as aside:
        whole = Path(aside) / "model"
        shutil.copytree(folder, whole, ignore=shutil.ignore_patterns(TABLES, REST))
        save_file({k: v.contiguous() for k, v in unpack(folder).items()}, whole / "model.safetensors", {"format": "pt"})
        return _plain(whole, device, dtype="float32")  # whatever it was trained in
