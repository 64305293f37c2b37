"""Numbers that no option can mean are refused by the option's name."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import typer

from lusifer.cli.bounds import MOST, bounded
from lusifer.errors import LusiferError

COUNT: Any = typer.Option(5, "--how-many", "-n")
LEAST: Any = typer.Option(0.0, "--min-score")


def command(
    text: str = "सौ", count: int = COUNT, least: float = LEAST, rate: float = 1.0, on: bool = False
) -> tuple[object, ...]:
    """What it does."""
    return text, count, least, rate, on


checked = bounded(command)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": -1}, "--how-many is -1; it must be a number from 0 on"),
        ({"count": MOST + 1}, "--how-many is 1,000,000,001; it must be at most 1,000,000,000"),
        ({"rate": -0.5}, "--rate is -0.5; it must be a number from 0 on"),
        ({"rate": math.nan}, "--rate is nan; it must be a number from 0 on"),
        ({"rate": math.inf}, "--rate is inf; it must be a number from 0 on"),
        ({"least": math.nan}, "--min-score is nan; it must be a number from 0 on"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_number_out_of_bounds_is_refused_by_its_option(values: dict[str, Any], said: str) -> None:
    with pytest.raises(LusiferError) as caught:
        checked(**values)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "values",
    [
        {"count": 0, "rate": 0.0},
        {"count": MOST, "rate": 1e300},
        {"least": -1.0},
        {"count": None, "text": "-1", "on": True},
    ],
)
def test_all_else_reaches_the_command_as_it_was(values: dict[str, Any]) -> None:
    given = {"text": "x", "count": 1, "least": 0.0, "rate": 0.0, "on": False} | values
    assert checked(**given) == tuple(given.values())


def test_the_command_looks_the_same_from_outside() -> None:
    assert inspect.signature(checked) == inspect.signature(command)
    assert (checked.__name__, checked.__doc__) == ("command", "What it does.")
