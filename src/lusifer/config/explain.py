"""What is wrong with a recipe, in one line: the key by its dotted name, what was found there, and what
would be right.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, cast

from lusifer.config.choice import Choice

if typing.TYPE_CHECKING:
    from pydantic_core import ErrorDetails

UNKNOWN = "unexpected_keyword_argument"
NAMES = {
    "int": "int",
    "int_from": "int",
    "float": "float",
    "string": "str",
    "bool": "bool",
    "list": "list",
    "tuple": "list",
}


def explained(cls: type, data: Any, where: str, faults: list[ErrorDetails]) -> str:
    """The first fault in one line; a key that nothing knows comes before one that lacks."""
    fault = min(faults, key=lambda fault: fault["type"] != UNKNOWN)
    kind, value, path = fault["type"], fault["input"], way_to(data, fault["loc"])
    if kind == UNKNOWN:
        return unknown(where, path, _keys(_at(cls, data, path[:-1])))
    of = _dotted(where, path)
    if kind == "missing":
        keys = _keys(_at(cls, data, path))
        return f"{of}: the key {fault['loc'][-1]!r} is missing; the keys are {', '.join(keys)}"
    if kind == "value_error":  # a dataclass's own check
        return f"{of}: {fault['ctx']['error']}"
    if kind == "literal_error":
        choices = typing.get_args(_hint(cls, data, path))
        return f"{of} is {value!r}; it must be one of {', '.join(map(str, choices))}"
    if kind.startswith("union_tag"):
        choice = cast("type[Choice]", _at(cls, data, path))
        tag = value.get("kind") if isinstance(value, Mapping) else value
        return f"{of}.kind is {tag!r}; it must be one of {', '.join(choice.choices())}"
    if kind in ("dataclass_type", "dict_type", "model_attributes_type"):
        at = _at(cls, data, path)
        if at and issubclass(at, Choice) and not at.kind:
            kinds = ", ".join(at.choices())
            return f"{of}: expected a mapping whose kind is one of {kinds}, got {value!r}"
        known = f" with keys {', '.join(_keys(at))}" if at else ""
        return f"{of}: expected a mapping{known}, got {value!r}"
    if kind == "finite_number":
        return f"{of} is {value!r}; it must be a finite number"
    name = next((name for start, name in NAMES.items() if kind.startswith(start)), None)
    wanted = f"it must be of type {name}" if name else fault["msg"]
    return f"{of} is {value!r}; {wanted}"


def unknown(where: str, path: list[int | str], keys: list[str]) -> str:
    """What is said of a key that is none of `keys`, the last of a path."""
    near = difflib.get_close_matches(str(path[-1]), keys, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    of = _dotted(where, path[:-1])
    return f"{of}: unknown key {path[-1]!r}; {hint}the keys are {', '.join(keys)}"


def _dotted(where: str, path: list[int | str]) -> str:
    """The file, and the key by its dotted name."""
    name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return f"{where}: {name.removeprefix('.')}" if name else where


def _hint(cls: type, data: Any, path: list[int | str]) -> Any:
    """The declared type at a place in the data; for a key of a choice, that of its kind."""
    hint: Any = cls
    for key in path:
        hint = _plain_hint(hint)
        args = typing.get_args(hint)
        if typing.get_origin(hint) is tuple:
            hint = args[0]
        elif typing.get_origin(hint) is dict:
            hint = args[1]
        elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
            hint = typing.get_type_hints(_chosen(hint, data)).get(str(key), Any)
        data = data[key]
    hint = _plain_hint(hint)
    return _chosen(hint, data) if isinstance(hint, type) else hint


def _plain_hint(hint: Any) -> Any:
    """A type without its "or null"."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _chosen(cls: type, data: Any) -> type:
    """The class of the kind that the data names, for a choice."""
    if issubclass(cls, Choice) and not cls.kind and isinstance(data, Mapping):
        return cls.choices().get(str(data.get("kind")), cls)
    return cls


def _at(cls: type, data: Any, path: list[int | str]) -> type | None:
    """The dataclass at a place in the data, if there is one."""
    found = _hint(cls, data, path)
    return found if isinstance(found, type) and dataclasses.is_dataclass(found) else None


def _keys(cls: type | None) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)] if cls else []


def way_to(data: Any, loc: tuple[int | str, ...]) -> list[int | str]:
    """The part of an error's place that is a way through the data: pydantic puts the kinds of
    choices in between.
    """
    path = list[int | str]()
    for key in loc:
        listed = isinstance(data, list | tuple) and isinstance(key, int) and key < len(data)
        named = isinstance(data, Mapping) and key in data
        if listed or named:
            data = data[key]
            path.append(key)
    return path
