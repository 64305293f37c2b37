"""`lusifer train`: a recipe's `stage` names what runs it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from lusifer import config
from lusifer.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from lusifer.training.stage import Stage


def stage_names() -> dict[str, list[str]]:
    """The stages that ship with lusifer, and the methods of those that have several: the files
    `NAME.py` and `NAME_METHOD.py` in `training/stages/`.
    """
    folder = Path(__file__).with_name("stages")
    found: dict[str, list[str]] = {}
    for module in sorted(iter_modules([str(folder)]), key=lambda module: module.name):
        name, _, method = module.name.partition("_")
        found.setdefault(name, []).extend([method] if method else [])
    return found


def find_stage(name: str, method: str | None = None) -> Stage[Any] | None:
    """The stage of a name, by its usual method where none is named: one of ours, or of whatever has
    been imported; None where there is none.
    """
    try:
        from lusifer.training.stage import Stage

        if name in stage_names():
            for own in stage_names()[name] or [""]:
                file = f"{name}_{own}" if own else name
                importlib.import_module(f"lusifer.training.stages.{file}")
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    found = [stage for stage in _derived(Stage) if stage.name == name]
    fitting = (s for s in found if (s.method == method if method else s.usual or not s.method))
    return next((stage() for stage in fitting), None)


def _derived(cls: Any) -> Iterator[type[Stage[Any]]]:
    for derived in cls.__subclasses__():
        if hasattr(derived, "name"):
            yield derived
        yield from _derived(derived)


def load_recipe(name: Any, overrides: Sequence[str] = ()) -> Any:
    """A checked recipe.

    Args:
        name: a file, the name of one that ships, a mapping of keys, or a recipe object.
        overrides: dotted changes.

    Returns:
        An object of its stage's recipe class.

    Raises:
        ConfigError: for a wrong key or value.
    """
    return _read(name, overrides)[1]


def stage_of(name: Any, overrides: Sequence[str] = ()) -> Stage[Any]:
    """The stage that a recipe names. Arguments and errors as of `load_recipe`."""
    return _read(name, overrides)[0]


def check_keys(name: Any, overrides: Sequence[str] = ()) -> None:
    """Find a key that the recipe's stage does not know, before what trains is imported: that takes
    seconds.

    Args:
        name: a file, the name of one that ships, a mapping of keys, or a recipe object.
        overrides: dotted changes.

    Raises:
        ConfigError: for a key that is wrong, or a recipe that cannot be read.
    """
    _known(*_plain(name, overrides))


def _read(name: Any, overrides: Sequence[str]) -> tuple[Stage[Any], Any]:
    """The stage, and its checked recipe."""
    return _built(*_plain(name, overrides))


def _plain(name: Any, overrides: Sequence[str]) -> tuple[dict[str, Any], Path]:
    """The recipe as plain data, and where it is from."""
    if is_dataclass(name):
        kind = type(name).__name__
        if not isinstance(getattr(name, "stage", None), str):
            raise ConfigError(f"{kind} is no recipe of a stage: {', '.join(stage_names())}")
        return config.override(config.plain(name), overrides), Path(kind)
    if isinstance(name, Mapping):
        return config.override(dict(name), overrides), Path("recipe")
    if not isinstance(name, str | Path):
        raise ConfigError(
            f"a recipe is a file, the name of one that ships, a mapping or a recipe object, not {type(name).__name__}"
        )
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
    return config.override(data, [change for change in overrides if change not in named]), path


def _known(data: Mapping[str, Any], path: Path) -> tuple[Mapping[str, Any], list[str] | None]:
    """The recipe by today's names, all of them known, and the methods of its stage."""
    data = config.upgraded(data)
    methods = stage_names().get(str(data.get("stage")))
    known = config.shipped_schema(str(data.get("stage")), data.get("method") if methods else None)
    if known and (wrong := config.unknown_key(known, data, str(path))):
        raise ConfigError(wrong)
    return data, methods


def _built(data: Mapping[str, Any], path: Path) -> tuple[Stage[Any], Any]:
    """The stage that plain data name, and their recipe."""
    data, methods = _known(data, path)
    name, method = data.get("stage"), data.get("method")
    wanted = None if methods == [] else method  # else the recipe's class says what key is unknown
    stage = find_stage(name, wanted) if isinstance(name, str) else None
    if stage is None and methods:
        raise ConfigError(
            f"{path}: method is {method!r}; stage {name} has the methods {', '.join(methods)}"
        )
    if stage is None:
        raise ConfigError(
            f"{path}: stage is {name!r}; it must be one of {', '.join(stage_names())}"
        )
    recipe = config.build(stage.recipe, data, str(path))
    if wrong := config.out_of_bounds(recipe):
        raise ConfigError(f"{path}: {wrong}")
    return stage, recipe


def train(name: Any, overrides: Sequence[str] = (), *, restart: bool = False) -> Path:
    """Run a recipe. A run that was stopped goes on where it was.

    Args:
        name: a recipe's file, the name of one that ships with lusifer, a mapping of its keys, or a recipe object, such as
            `lusifer.training.stages.distill_map.PooledRecipe`.
        overrides: dotted changes, e.g. `optim.lr=1e-4`.
        restart: begin anew.

    Returns:
        The folder of what was made.

    Raises:
        ConfigError: for a wrong key or value.
        LusiferError: where the output folder holds another run.
    """
    stage, recipe = _read(name, overrides)
    from lusifer.training.distributed import take_over
    from lusifer.training.stage import run_stage

    take_over()
    return run_stage(stage, recipe, restart=restart)


def plan(name: Any, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a recipe would do. Nothing is trained.

    Args:
        name: a recipe's file, the name of one that ships with lusifer, a mapping of its keys, or a recipe object, such as
            `lusifer.training.stages.distill_map.PooledRecipe`.
        overrides: dotted changes, e.g. `optim.lr=1e-4`.

    Returns:
        `rows`, `parameters` (total, trained, by part) and an estimate of `memory_bytes`.

    Raises:
        ConfigError: for a wrong key or value, or a batch that the processes cannot share.
    """
    stage, recipe = _read(name, overrides)
    from lusifer.training.distributed import take_over
    from lusifer.training.processes import check_split

    check_split(getattr(recipe, "batch_size", None))
    take_over()
    return stage.plan(recipe)
