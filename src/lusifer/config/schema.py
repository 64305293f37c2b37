"""The JSON Schema of a recipe, by which editors complete keys and underline wrong ones."""

from __future__ import annotations

from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(recipe: type[Any]) -> dict[str, Any]:
    """The schema of a recipe's dataclass.

    Args:
        recipe: the class that `build` makes of the recipe.

    Returns:
        A JSON Schema (2020-12) that refuses unknown keys, as `build` does.

    Raises:
        MissingExtra: where pydantic is not installed.
    """
    try:
        from pydantic import TypeAdapter
    except ModuleNotFoundError:
        from lusifer.errors import MissingExtra

        raise MissingExtra("pydantic", "train") from None
    made = {"$schema": DRAFT} | TypeAdapter(recipe).json_schema()
    for part in (made, *made.get("$defs", {}).values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return made
