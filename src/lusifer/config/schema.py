"""The JSON Schema of a recipe, by which editors complete keys and underline wrong ones."""

from __future__ import annotations

from typing import Any

from lusifer.config.build import adapter

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(recipe: type[Any]) -> dict[str, Any]:
    """The schema of a recipe's dataclass.

    Args:
        recipe: the class that `build` makes of the recipe.

    Returns:
        A JSON Schema (2020-12) that refuses unknown keys, as `build` does.
    """
    return {"$schema": DRAFT} | adapter(recipe).json_schema()
