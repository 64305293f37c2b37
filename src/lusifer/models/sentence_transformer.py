"""A folder or a hub id → a `SentenceTransformer`: the library's own, a bridge, packed weights, a
static table. Remote code is never run.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from lusifer.errors import MissingExtra, ModelError
from lusifer.models import hub
from lusifer.models.backends.onnx import onnx_file
from lusifer.models.backends.static import is_static

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OURS = "lusifer.models."
TRUSTED = (OURS, "sentence_transformers.")


def sentence_transformer(
    name: str | Path,
    *,
    device: str | None = None,
    encoder: str | None = None,
    target: str | None = None,
    language: str | None = None,
) -> SentenceTransformer:
    """Load a model as a `SentenceTransformer`, to train it or to look inside.

    Args:
        name: as for `load`; no endpoint and no ONNX folder.
        device: torch's name of one, e.g. `cuda`.
        encoder: of a bridge, where its encoder is, if it has moved.
        target: of a bridge, where its target is, if it has moved.
        language: of an X-MOD model (arXiv 2205.06266), the language module, e.g. `de_DE`: such modules
            are swapped, not trained anew.

    Returns:
        The model, in evaluation mode.

    Raises:
        ModelError: where there is no model of that name, it is damaged, or asks for code of its own.
    """
    if device is not None:
        check_device(device)
    model = _sentence_transformer(name, device, encoder, target)
    if language is not None:
        _choose_language(model, language)
    return model


def check_device(device: str) -> None:
    """Raise ModelError where torch has no such device on this machine, with those that it has."""
    import torch

    here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    here += [f"xpu:{number}" for number in range(torch.xpu.device_count())]
    try:
        named = torch.device(device)
        torch.empty(0, device=named)
    except Exception as error:  # each kind of device raises a class of its own
        raise ModelError(
            f"device is {device!r}; here are {', '.join(here)} ({str(error).splitlines()[0][:120]})"
        ) from None


def _choose_language(model: SentenceTransformer, language: str) -> None:
    inner = getattr(model[0], "auto_model", None)
    known = getattr(getattr(inner, "config", None), "languages", None)
    if inner is None or known is None or not hasattr(inner, "set_default_language"):
        raise ModelError(f"language is {language!r}, but the model has no language modules")
    if language not in known:
        raise ModelError(
            f"the model has no module for the language {language!r}; its modules: {', '.join(known)}"
        )
    inner.set_default_language(language)


def _lifted(model: SentenceTransformer) -> SentenceTransformer:
    """A model with half-precision weights, as many on the hub have them, in fp32 on a CPU: half
    precision is slow there, and torch computes no mixture of both.
    """
    if model.device.type == "cpu" and any(
        p.is_floating_point() and p.element_size() == 2 for p in model.parameters()
    ):
        return model.float()
    return model


def _sentence_transformer(
    name: str | Path, device: str | None, encoder: str | None, target: str | None
) -> SentenceTransformer:
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
    if onnx_file(folder) is not None and not hub.weights_files(folder):
        instead = f"; the table that comes along is {hub.TABLE}" if name == hub.DEFAULT else ""
        raise ModelError(
            f"{name}: is an ONNX export, which embeds texts and cannot be trained or changed; name the model that it was made of{instead}"
        )
    if not (folder / "modules.json").exists():
        return _plain(folder, device)
    listed = _listed(folder)
    for module in listed:
        if not module["type"].startswith(TRUSTED):
            raise ModelError(
                f"{folder}: asks for code of its own ({module['type']}), which is not run"
            )
    if not any(module["type"].startswith(OURS) for module in listed):
        return _plain(folder, device)
    modules = []
    for module in listed:
        path, _, attribute = module["type"].rpartition(".")
        cls = getattr(importlib.import_module(path), attribute)
        try:
            modules.append(
                cls.load(
                    str(folder),
                    subfolder=module["path"],
                    **(moved if module["type"].startswith(OURS) else {}),
                )
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder / module['path']}: damaged or incomplete ({' '.join(str(error).split())[:200]})"
            ) from error
    settings = hub.read_json(folder / "config_sentence_transformers.json")
    names = ("prompts", "default_prompt_name", "similarity_fn_name")
    return SentenceTransformer(
        modules=modules, device=device, **{k: settings[k] for k in names if settings.get(k)}
    ).eval()


def _listed(folder: Path) -> list[dict[str, str]]:
    import json

    try:
        listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        return [{"type": str(m["type"]), "path": str(m["path"])} for m in listed]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'modules.json'}: not a list of modules ({error})") from None


def _plain(
    folder: Path, device: str | None, named: Path | None = None, **settings: str
) -> SentenceTransformer:
    """The library's own model; errors call it `named`, where it is not in the user's folder."""
    from sentence_transformers import SentenceTransformer

    from lusifer.models.families import without_bars

    kwargs = {"use_safetensors": True, **settings}
    try:
        with without_bars():
            model = SentenceTransformer(
                str(folder), device=device, trust_remote_code=False, model_kwargs=kwargs
            ).eval()
    except Exception as error:
        raise ModelError(
            f"{named or folder}: cannot be loaded ({str(error).splitlines()[0]})"
        ) from error
    return _lifted(_within_positions(model))


def _within_positions(model: SentenceTransformer) -> SentenceTransformer:
    """The model, reading no more tokens than it has learned positions for: some tokenizers' own
    length is above it, and a long text would end in an index out of range.
    """
    from lusifer.models.families import positions

    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    most = positions(config) if config is not None else None
    if most is not None and model.max_seq_length and model.max_seq_length > most:
        model.max_seq_length = most
    return model


def _packed(folder: Path, device: str | None) -> SentenceTransformer:
    """An encoder with packed weights, mean-pooled: unpacked aside into the format that the library
    reads.
    """
    import shutil
    import tempfile

    from safetensors.torch import save_file

    from lusifer.models.packed import REST, TABLES, unpack

    with tempfile.TemporaryDirectory() as aside:
        whole = Path(aside) / "model"
        shutil.copytree(folder, whole, ignore=shutil.ignore_patterns(TABLES, REST))
        save_file(
            {k: v.contiguous() for k, v in unpack(folder).items()},
            whole / "model.safetensors",
            {"format": "pt"},
        )
        return _plain(whole, device, folder, dtype="float32")  # whatever it was trained in
