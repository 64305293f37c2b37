"""Recipes: frozen dataclasses read from YAML, with dotted overrides.

`load(Recipe, "recipe.yaml", ["optim.lr=1e-4"])` gives a checked `Recipe`; a wrong key or value
raises one `ConfigError` that names the file, the key and the right ones. `dump` writes the resolved
recipe back as YAML.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lusifer.config.aliases import RECIPES
from lusifer.config.build import build
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
    stem = path.name.removesuffix(".yaml")
    shipped = Path(str(folder)) / f"{RECIPES.get(stem, stem)}.yaml"
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
    import yaml  # late: most of what imports this module reads no recipe

    from lusifer.config.yaml_text import parsed

    path = Path(path)
    try:
        data = parsed(text_of(path))
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


def text_of(path: Path) -> str:
    """What a recipe's file says. Raises ConfigError where it is missing or no text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such recipe") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error})") from None


def override(data: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Apply dotted overrides, `a.b=value` (the value is YAML), to a copy of `data`."""
    import yaml

    from lusifer.config.yaml_text import parsed

    result: dict[str, Any] = copy.deepcopy(dict(data))
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"override {text!r}: write it as key=value, e.g. optim.lr=1e-4")
        try:
            wanted = parsed(value)
        except yaml.YAMLError:
            raise ConfigError(f"override {text!r}: the value is not valid YAML") from None
        node: Any = result
        *parents, last = key.split(".")
        for parent in parents:
            if isinstance(node, list):
                node = node[_index(node, parent, text)]
            elif not isinstance(node, dict):
                raise ConfigError(
                    f"override {text!r}: {parent!r} stands below {node!r}, no mapping"
                )
            else:
                if not isinstance(node.get(parent), dict | list):
                    node[parent] = {}
                node = node[parent]
        if isinstance(node, list):
            node[_index(node, last, text)] = wanted
        elif isinstance(node, dict):
            node[last] = wanted
        else:
            raise ConfigError(f"override {text!r}: {'.'.join(parents)} is {node!r}, no mapping")
    return result


def _index(items: list[Any], key: str, text: str) -> int:
    """An item of a list, by its number from 0."""
    if not (key.isascii() and key.isdigit() and len(key) < 10) or int(key) >= len(items):
        raise ConfigError(
            f"override {text!r}: {key!r} stands for an item of a list of {len(items)}; number them from 0"
        )
    return int(key)


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
