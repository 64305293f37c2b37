"""Is a pair what it says: texts of a fair length, in the language's script, in the language itself?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lusifer.config import refuse_nan
from lusifer.data import Row
from lusifer.errors import LusiferError
from lusifer.text import foreign, in_script, iso_code

Side = Literal["query", "document"]
Test = Callable[[Row], str | None]  # why a row is dropped, or None


@dataclass(frozen=True)
class Lengths:
    """Characters that a text may have, and how many times as long one side may be as the other
    (null: any).
    """

    min_chars: int = 1
    max_chars: int = 100_000
    max_ratio: float | None = None

    def __post_init__(self) -> None:
        refuse_nan(self)
        if self.min_chars < 0 or self.max_chars < self.min_chars:
            raise LusiferError(
                f"min_chars is {self.min_chars} and max_chars {self.max_chars}; from 0 on, the second the larger"
            )
        if self.max_ratio is not None and self.max_ratio < 1:
            raise LusiferError(f"max_ratio is {self.max_ratio}; it must be 1 or more")

    def __call__(self, row: Row) -> str | None:
        sizes = [len(row.values["query"]), len(row.values["document"])]
        if min(sizes) < self.min_chars:
            return f"shorter than {self.min_chars} characters"
        if max(sizes) > self.max_chars:
            return f"longer than {self.max_chars:,} characters"
        if self.max_ratio is not None and max(sizes) > self.max_ratio * min(sizes):
            return f"one side more than {self.max_ratio:g} times as long as the other"
        return None


def scripts(sides: tuple[Side, ...]) -> Test:
    """Drop rows whose `language` names a script (`hin_Deva`) that most of a side's letters are not
    of.
    """

    def test(row: Row) -> str | None:
        _, _, code = row.values.get("language", "").partition("_")
        for side in sides:
            if not in_script(row.values[side], code):
                return f"{side} not in the script {code}"
        return None

    return test


def languages(sides: tuple[Side, ...]) -> Test:
    """Drop rows of which a side is surely in another language than `language` says. Short texts and
    rare languages are not judged.
    """
    codes: dict[str, str | None] = {}

    def test(row: Row) -> str | None:
        name = row.values.get("language", "")
        if name not in codes:
            try:
                codes[name] = iso_code(name)
            except LusiferError:
                codes[name] = None
        code = codes[name]
        for side in sides:
            if code and foreign(row.values[side], code):
                return f"{side} not in the language"
        return None

    return test
