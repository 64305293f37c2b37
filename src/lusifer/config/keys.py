"""Keys that no recipe of a stage knows, found by the stage's JSON Schema alone: the classes that
check everything lie beside what trains, whose libraries take seconds to import.

Method: the schema is walked along the data. What it leaves open (a choice's kind that it does not
list, as an extension's) is left to the full check, which says the same of a wrong key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from lusifer.config.explain import unknown


def shipped_schema(stage: str, method: str | None = None) -> dict[str, Any] | None:
    """The JSON Schema of a stage that ships with lusifer.

    Args:
        stage: its name.
        method: of a stage that has several; the usual one without.

    Returns:
        The schema; None for another stage.
    """
    folder = resources.files("lusifer") / "assets" / "schemas"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        name, _, own = file.name.removesuffix(".json").partition("_")
        if name == stage and method in (None, own or None):
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if method or not own or "default" in found["properties"]["method"]:
                return found
    return None


def unknown_key(schema: Mapping[str, Any], data: Any, where: str) -> str | None:
    """The first key of a recipe that its schema does not know.

    Args:
        schema: the stage's.
        data: the recipe as plain data.
        where: its file.

    Returns:
        One line that names it and the right ones; None where every key is known.
    """
    return _walk(schema, schema.get("$defs", {}), data, where, [])


def _walk(
    part: Mapping[str, Any], parts: Mapping[str, Any], data: Any, where: str, path: list[int | str]
) -> str | None:
    at = _chosen(part, parts, data)
    if isinstance(data, list) and "items" in at:
        inner: list[tuple[int | str, Any, Any]] = [
            (number, at["items"], item) for number, item in enumerate(data)
        ]
    elif isinstance(data, Mapping) and "properties" in at:
        keys = list(at["properties"])
        for key in data:
            if key not in keys:
                return unknown(where, [*path, key], keys)
        inner = [(key, at["properties"][key], value) for key, value in data.items()]
    else:
        return None
    found = (_walk(of, parts, value, where, [*path, key]) for key, of, value in inner)
    return next((line for line in found if line), None)


def _chosen(part: Mapping[str, Any], parts: Mapping[str, Any], data: Any) -> Mapping[str, Any]:
    """The schema that data of this kind are held against; an empty one where that is open."""
    while True:
        if "$ref" in part:
            part = parts[part["$ref"].rpartition("/")[2]]
        elif "discriminator" in part:
            kind = (
                data.get(part["discriminator"]["propertyName"]) if isinstance(data, Mapping) else ""
            )
            named = part["discriminator"]["mapping"].get(str(kind))
            part = {"$ref": named} if named else {}
        elif "anyOf" in part:
            part = next((one for one in part["anyOf"] if one.get("type") != "null"), {})
        else:
            return part
