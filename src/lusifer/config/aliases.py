"""What recipes and checkpoints were called before: one table, by which old ones are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A stage's earlier name, its name, and the method that it is of that, where the stage has several.
STAGES = {
    "distil": ("distill", "bridge"),
    "pooled": ("distill", "map"),
    "multilingual": ("distill", "parallel"),
    "student": ("distill", "vectors"),
    "context": ("static", "context"),
    "decoder": ("pretrain", "causal"),
    "finetune": ("contrastive", None),
    "retriever": ("contrastive", None),
}
RECIPES = {
    "distil-student": "distill-student",
    "minilm-e5": "minilm",
    "minilm-e5-branch": "minilm-branch",
    "minilm-e5-words": "minilm-words",
}
HEADS = {"distil": "distill"}  # keys of a retriever's heads
# until 0.1 a connector's settings held the keys of all kinds, these with these values
FLAT_CONNECTOR = {"queries": 16, "heads": 8, "temperature": 1.0, "nearest": 10}
VECTORS = {"cosine": 1.0, "mse": 0.0, "ranking": 1.0, "kl": 0.0, "temperature": 0.05}
FLAT_LOSS = {
    "bridge": VECTORS,
    "map": VECTORS,
    "vectors": {"error": 1.0, "kl": 1.0, "temperature": 0.02},
}
SHARPENED = ("ranking", "kl")  # terms of a loss that have a temperature
CONNECTOR_KEYS = {
    "mlp": set[str](),
    "linear": set[str](),
    "vocabulary": {"temperature"},
    "words": {"nearest"},
    "resampler": {"queries", "heads"},
}


def upgraded(data: Any) -> Any:
    """A recipe, or a bridge's configuration, with the names and keys of today.

    Args:
        data: plain data of any version.

    Returns:
        A copy in which keys that the chosen kind never read are left out, where they hold what was
        the default, and names are today's.
    """
    if isinstance(data, list):
        return [upgraded(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    new = {key: upgraded(value) for key, value in data.items()}
    if new.get("stage") == "finetune":
        new = _finetune(new)
    if new.get("stage") == "retriever":
        new = _retriever(new)
    if isinstance(new.get("stage"), str) and new["stage"] in STAGES:
        name, method = STAGES[new["stage"]]
        new = {"stage": name} | ({"method": method} if method else {}) | new | {"stage": name}
    if isinstance(new.get("heads"), dict):
        new["heads"] = {HEADS.get(key, key): value for key, value in new["heads"].items()}
    if isinstance(new.get("connector"), dict):
        new["connector"] = _connector(new["connector"])
    if isinstance(new.get("loss"), dict):
        new["loss"] = _loss(new["loss"], str(new.get("method", "bridge")))
    return new


def _loss(data: dict[str, Any], method: str) -> list[Any]:
    """A loss as a list of its terms: until 0.1 it was a mapping from terms to weights, 0 for none,
    with one temperature beside them, over the method's own weights.
    """
    data = FLAT_LOSS.get(method, {}) | data
    sharpened = {"temperature": data["temperature"]} if "temperature" in data else {}
    return [
        {"kind": kind, "weight": weight} | (sharpened if kind in SHARPENED else {})
        for kind, weight in data.items()
        if kind != "temperature" and weight != 0
    ]


def _finetune(data: dict[str, Any]) -> dict[str, Any]:
    """A recipe of the stage `finetune`, which was `contrastive` for bridges alone."""
    new = {key: value for key, value in data.items() if key not in ("start", "temperature")}
    if data.get("start") is not None:
        new["base"] = data["start"]
    if isinstance(data.get("data"), dict):
        new["data"] = {"english_only": True} | data["data"]
    if isinstance(data.get("optim"), dict | None):  # a wrong one stays, to be told as such
        new["optim"] = {"lr": 5e-5} | (data.get("optim") or {})
    temperature = data.get("temperature", 0.05)
    new["loss"] = [{"kind": "info_nce", "temperature": temperature, "mask": None}]
    return new


def _retriever(data: dict[str, Any]) -> dict[str, Any]:
    """A recipe of the stage `retriever`, whose loss was written as `contrast` and `teacher`."""
    wrong = [k for k in ("contrast", "teacher") if not isinstance(data.get(k), dict | None)]
    if wrong:  # they stay, to be told as keys that no recipe has
        return data
    new = {key: value for key, value in data.items() if key not in ("contrast", "teacher")}
    contrast = {"kind": "info_nce"} | (data.get("contrast") or {})
    new["loss"] = [contrast]
    teacher = data.get("teacher")
    if teacher is not None and teacher.get("weight") != 0:
        own = contrast.get("temperature", 0.02)
        new["loss"].append({"kind": "scores", "own_temperature": own} | teacher)
    return new


def _connector(data: dict[str, Any]) -> dict[str, Any]:
    data = {"kind": "mlp"} | data
    own = CONNECTOR_KEYS.get(str(data["kind"]))
    if own is None:  # a kind of somebody else's, which was never flat
        return data
    foreign = FLAT_CONNECTOR.keys() - own
    return {k: v for k, v in data.items() if k not in foreign or v != FLAT_CONNECTOR[k]}
