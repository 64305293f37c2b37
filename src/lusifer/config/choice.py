"""Choices as types: what can be chosen is a frozen dataclass with a `kind`, and one file adds one."""

from __future__ import annotations

import dataclasses
import math
import typing
from typing import Any

from lusifer.errors import LusiferError

if typing.TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


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
