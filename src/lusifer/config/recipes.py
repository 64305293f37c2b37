"""Recipes: frozen dataclasses read from YAML, with dotted overrides.

`load(Recipe, "recipe.yaml", ["optim.lr=1e-4"])` gives a checked `Recipe`; a wrong key or value
raises one `ConfigError` that names the file, the key and the right ones. `dump` writes the resolved
recipe back as YAML.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lusifer.errors import ConfigError

T = TypeVar("T")


def load(cls: type[T], path: str | Path, overrides: Sequence[str] = ()) -> T:
    """Read a recipe file, apply `a.b=value` overrides and build the dataclass `cls`."""
    return build(cls, override(read(path), overrides), str(path))


def find(name: str | Path) -> Path:
    """A recipe file: a path, or the name of one that ships with the package (`minilm` or
    `minilm.yaml`).
    """
    path = Path(name)
    if path.is_file() or len(path.parts) > 1:
        return path
    from importlib import resources

    folder = resources.files("lusifer") / "recipes"
    shipped = Path(str(folder)) / f"{path.name.removesuffix('.yaml')}.yaml"
    if not shipped.exists():
        names = sorted(p.stem for p in Path(str(folder)).glob("*.yaml"))
        raise ConfigError(
            f"{name}: no such recipe file, and none of that name ships with lusifer ({', '.join(names)})"
        )
    return shipped


def read(path: str | Path) -> dict[str, Any]:
    """The YAML mapping in `path`. Raises ConfigError where it is missing, unreadable or not a
    mapping.
    """
    import yaml  # late: a static table's configuration needs none

    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such recipe") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)})"
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path}: a recipe is a mapping of keys to values, not {type(data).__name__}"
        )
    return data


def override(data: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Apply dotted overrides, `a.b=value` (the value is YAML), to a copy of `data`."""
    import yaml

    result: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in data.items()}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"override {text!r}: write it as key=value, e.g. optim.lr=1e-4")
        *parents, last = key.split(".")
        node = result
        for parent in parents:
            child = node.get(parent)
            node[parent] = dict(child) if isinstance(child, dict) else {}
            node = node[parent]
        try:
            node[last] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"override {text!r}: the value is not valid YAML") from None
    return result


def build(cls: type[T], data: Any, where: str) -> T:
    """Build dataclass `cls` from plain `data`; `where` opens each error (a file and a key path)."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: expected a mapping with keys {_names(cls)}, got {data!r}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    for key in data:
        if key not in fields:
            import difflib

            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(f"{where}: unknown key {key!r}; {hint}the keys are {_names(cls)}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: the key {name!r} is missing; the keys are {_names(cls)}")
    try:
        return cls(**values)
    except ValueError as error:  # a dataclass's own __post_init__ check
        raise ConfigError(f"{where}: {error}") from None


def _names(cls: type) -> str:
    return ", ".join(f.name for f in dataclasses.fields(cls))


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _value(next(a for a in args if a is not type(None)), value, where)
    if origin is typing.Literal:
        if value not in args:
            raise ConfigError(
                f"{where} is {value!r}; it must be one of {', '.join(map(str, args))}"
            )
        return value
    if origin is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_value(args[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a mapping, got {value!r}")
        return {str(k): _value(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where)
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML reads 1e-4 as a string
        except ValueError:
            pass
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{where} is {value!r}; it must be of type {getattr(hint, '__name__', hint)}")


def plain(config: Any) -> Any:
    """The recipe as plain dicts, lists and scalars, ready for YAML or JSON."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {f.name: plain(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, Mapping):
        return {k: plain(v) for k, v in config.items()}
    if isinstance(config, list | tuple):
        return [plain(v) for v in config]
    return config


def dump(config: Any) -> str:
    """The resolved recipe as YAML text."""
    import yaml

    text: str = yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)
    return text
