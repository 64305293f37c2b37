"""Limits that no server can have are refused by name."""

from __future__ import annotations

import math

import pytest

from lusifer.errors import LusiferError
from lusifer.serving.settings import Limits


def test_usual_limits_and_none_at_all() -> None:
    assert Limits().texts == 2048
    assert Limits(cache=0, idle=0).cache == 0


@pytest.mark.parametrize(
    "wrong", [{"texts": 0}, {"seconds": -1}, {"waiting": 0}, {"idle": -1}, {"seconds": math.nan}]
)
def test_wrong_ones(wrong: dict[str, float]) -> None:
    with pytest.raises(LusiferError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]
