"""Checked objects from plain data: frozen dataclasses, validated by pydantic, told of in one line.

The classes themselves are plain dataclasses, so that a module that declares a setting imports
nothing; pydantic is loaded when the first recipe is read. A choice is a class: what derives from
`Choice` is told apart by its `kind`, and takes the keys that this kind knows alone.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator
from typing import Any, TypeVar

from lusifer.config.choice import Choice
from lusifer.config.explain import explained, way_to
from lusifer.errors import ConfigError

if typing.TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

T = TypeVar("T")


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
    raise ConfigError(explained(cls, data, where, faults)) from None


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
        and (path := way_to(data, fault["loc"]))
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
