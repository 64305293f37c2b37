"""The least that a setting of a name can be, in whatever stage and however deep: one table, so that
none is forgotten. What a stage knows of its own numbers stands with it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

# Numbers that count something, of which there must be one; and numbers that may be 0.
ONE = frozenset(
    "batch_size batch_tokens max_tokens steps save_every log_every rank max_rows count shards".split()
)
NOUGHT = frozenset("seed workers weight_decay clip noise dropout negatives min_chars limit".split())


def out_of_bounds(settings: Any, where: str = "") -> str | None:
    """The first number that is too small.

    Args:
        settings: a recipe, or a part of one.
        where: the dotted key of that part, with a dot behind it.

    Returns:
        What is wrong, by the number's dotted key; None where nothing is.
    """
    for field in dataclasses.fields(settings):
        value, key = getattr(settings, field.name), f"{where}{field.name}"
        least = 1 if field.name in ONE else 0 if field.name in NOUGHT else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and least is not None and value < least:
            return f"{key} is {value:g}; it must be {least} or more"
        listed = isinstance(value, tuple)
        parts = [(one, f"{key}[{i}]") for i, one in enumerate(value)] if listed else [(value, key)]
        for inner, name in parts:
            if dataclasses.is_dataclass(inner) and (found := out_of_bounds(inner, f"{name}.")):
                return found
    return None
