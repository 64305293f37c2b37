"""Numbers that are too small are named by their key, however deep they stand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from lusifer.config import out_of_bounds


@dataclass(frozen=True)
class Deep:
    max_tokens: int = 8
    seed: int | None = None
    flag: bool = False


@dataclass(frozen=True)
class Whole:
    batch_size: int = 2
    weight_decay: float = 0.0
    deep: Deep = field(default_factory=Deep)
    many: tuple[Deep, ...] = ()
    none: Deep | None = None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Whole(), None),
        (Whole(batch_size=0), "batch_size is 0; it must be 1 or more"),
        (Whole(weight_decay=-0.1), "weight_decay is -0.1; it must be 0 or more"),
        (Whole(deep=Deep(max_tokens=0)), "deep.max_tokens is 0; it must be 1 or more"),
        (Whole(many=(Deep(), Deep(seed=-1))), "many[1].seed is -1; it must be 0 or more"),
        (Whole(deep=Deep(flag=False), none=None), None),
    ],
)
def test_the_first_number_that_is_too_small_is_named(settings: Whole, said: str | None) -> None:
    assert out_of_bounds(settings) == said
