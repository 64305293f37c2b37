"""`lusifer train`: a recipe's `stage` names the module that runs it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from lusifer import config
from lusifer.errors import ConfigError, MissingExtra

STAGES = (
    "pretrain",
    "decoder",
    "align",
    "finetune",
    "distil",
    "pooled",
    "static",
    "context",
    "retriever",
    "multilingual",
    "student",
)


def load_recipe(name: Any, overrides: Sequence[str] = ()) -> tuple[Any, Any]:
    """(the stage's module, its checked recipe); `name` is a file, a name, or a recipe object."""
    if is_dataclass(name):
        kind = type(name).__name__
        if getattr(name, "stage", None) not in STAGES:
            raise ConfigError(f"{kind} is no recipe of a stage: {', '.join(STAGES)}")
        return _built(config.override(config.plain(name), overrides), Path(kind))
    path = config.find(name)
    data = config.read(path)
    named = [change for change in overrides if change.startswith("data=")]
    data = config.override(data, named)
    passed = [str(path)]
    while isinstance(data.get("data"), str):  # another recipe's data
        if data["data"] in passed:
            raise ConfigError(f"{path}: data names {data['data']}, which names it again")
        passed.append(data["data"])
        data["data"] = config.read(config.find(data["data"])).get("data")
    data = config.override(data, [change for change in overrides if change not in named])
    return _built(data, path)


def _built(data: Mapping[str, Any], path: Path) -> tuple[Any, Any]:
    """The module of the stage that plain data names, and its recipe."""
    data = config.upgraded(data)
    stage = data.get("stage")
    if stage not in STAGES:
        raise ConfigError(f"{path}: stage is {stage!r}; it must be one of {', '.join(STAGES)}")
    try:
        module = importlib.import_module(f"lusifer.training.stages.{stage}")
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    return module, config.build(getattr(module, f"{stage.capitalize()}Recipe"), data, str(path))


def train(name: Any, overrides: Sequence[str] = (), *, restart: bool = False) -> Path:
    """Run a recipe. A run that was stopped goes on where it was.

    Args:
        name: a recipe's file, the name of one that ships with lusifer, or a recipe object, such as
            `lusifer.training.stages.pooled.PooledRecipe`.
        overrides: dotted changes, e.g. `optim.lr=1e-4`.
        restart: begin anew.

    Returns:
        The folder of what was made.

    Raises:
        ConfigError: for a wrong key or value.
        LusiferError: where the output folder holds another run.
    """
    module, recipe = load_recipe(name, overrides)
    from lusifer.training.distributed import take_over

    take_over(recipe.stage)
    path: Path = module.run(recipe, restart=restart)
    return path


def plan(name: Any, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a recipe would do. Nothing is trained.

    Args:
        name: a recipe's file, the name of one that ships with lusifer, or a recipe object, such as
            `lusifer.training.stages.pooled.PooledRecipe`.
        overrides: dotted changes, e.g. `optim.lr=1e-4`.

    Returns:
        `rows`, `parameters` (total, trained, by part) and an estimate of `memory_bytes`.

    Raises:
        ConfigError: for a wrong key or value.
    """
    module, recipe = load_recipe(name, overrides)
    from lusifer.training.distributed import take_over

    take_over(recipe.stage)
    result: dict[str, Any] = module.plan(recipe)
    return result
