"""Checked objects from plain data: frozen dataclasses, validated by pydantic, told of in one line.

The classes themselves are plain dataclasses, so that a module that declares a setting imports
nothing; pydantic is loaded when the first recipe is read. A choice is a class: what derives from
`Choice` is told apart by its `kind`, and takes the keys that this kind knows alone.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from lusifer.errors import ConfigError, LusiferError

if typing.TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema, ErrorDetails

T = TypeVar("T")
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


def refuse_nan(settings: Any, error: type[Exception] = LusiferError) -> None:
    """Raise an error that names a setting which is NaN or infinite. A comparison with NaN is never
    true, so that no bound would refuse it.

    Args:
        settings: a dataclass.
        error: the class of the error.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise error(f"{field.name} is {value}; it must be a finite number")


@dataclasses.dataclass(frozen=True)
class Choice:
    """Base of what can be chosen, for a class of its own: each of that class's subclasses with a
    `kind` is one of the choices.

    A choice is added by a file that defines it, also outside of lusifer: importing it is enough.
    """

    kind: str = ""

    def __post_init__(self) -> None:
        refuse_nan(self, ValueError)

    @classmethod
    def choices(cls) -> dict[str, type[Choice]]:
        """Kind → class, of this class and all that derive from it."""
        found = {cls.kind: cls} if cls.kind else {}
        for derived in cls.__subclasses__():
            found |= derived.choices()
        return found

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if cls.kind:
            return handler(source)
        from pydantic_core import core_schema

        return core_schema.tagged_union_schema(
            {kind: handler.generate_schema(one) for kind, one in cls.choices().items()},
            discriminator="kind",
        )


def adapter(cls: type[T]) -> TypeAdapter[T]:
    """What validates `cls`: every key must be known, and no value changes its type."""
    from pydantic import TypeAdapter

    for part in _parts(cls, set()):
        if "__pydantic_config__" not in vars(part):
            part.__pydantic_config__ = {"extra": "forbid", "strict": True, "allow_inf_nan": False}  # type: ignore[attr-defined]
    return TypeAdapter(cls)


def build(cls: type[T], data: Any, where: str) -> T:
    """Build a dataclass from plain data.

    Args:
        cls: the dataclass, or a `Choice`.
        data: mappings, lists and scalars, as YAML and JSON give them. A scalar where a list is due
            is a list of one.
        where: opens each error: a file, or a file and a key.

    Returns:
        The checked object.

    Raises:
        ConfigError: one line that names the key, what is wrong, and what would be right.
    """
    from pydantic import ValidationError

    checked = adapter(cls)
    while True:  # once more for each depth at which a scalar was a list of one
        try:
            return checked.validate_json(json.dumps(data, default=str))
        except ValidationError as error:
            faults = error.errors(include_url=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: not plain data ({error})") from None
        listed = _listed(data, faults)
        if listed is None:
            break
        data = listed
    raise ConfigError(_explained(cls, data, where, faults)) from None


def _parts(hint: Any, seen: set[type]) -> Iterator[type]:
    """All dataclasses within a type."""
    for arg in typing.get_args(hint):
        yield from _parts(arg, seen)
    if not isinstance(hint, type) or not dataclasses.is_dataclass(hint) or hint in seen:
        return
    seen.add(hint)
    yield hint
    for inner in typing.get_type_hints(hint).values():
        yield from _parts(inner, seen)
    if issubclass(hint, Choice):
        for one in hint.choices().values():
            yield from _parts(one, seen)


def _listed(data: Any, faults: list[ErrorDetails]) -> Any:
    """The data with each scalar that stands where a list is due made a list of one; None where
    there is none.
    """
    places = [
        path
        for fault in faults
        if fault["type"] in ("tuple_type", "list_type")
        and (path := _path(data, fault["loc"]))
        and fault["input"] is not None
    ]
    if not places:
        return None
    data = json.loads(json.dumps(data, default=str))
    for *parents, last in places:
        node = data
        for key in parents:
            node = node[key]
        node[last] = [node[last]]
    return data


def _path(data: Any, loc: tuple[int | str, ...]) -> list[int | str]:
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


def _explained(cls: type, data: Any, where: str, faults: list[ErrorDetails]) -> str:
    """The first fault in one line; a key that nothing knows comes before one that lacks."""
    fault = min(faults, key=lambda fault: fault["type"] != UNKNOWN)
    kind, value, path = fault["type"], fault["input"], _path(data, fault["loc"])
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
