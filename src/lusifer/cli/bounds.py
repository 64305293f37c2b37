"""Numbers that a command takes: finite, not below 0, and not past what a machine can count with. One
wrapper for all commands, so that no option can be forgotten.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from lusifer.errors import LusiferError

MOST = 1_000_000_000
SIGNED = ("--min-score", "--max-score")  # cosines and rerankers' scores lie on both sides of 0


def _shown(value: int) -> str:
    """A number, or how large it is where it would fill the screen; Python writes none of more than
    4,300 digits.
    """
    return f"{value:,}" if abs(value) < 10**30 else "a number of more than 30 digits"


def bounded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, refusing numbers that no option can mean.

    Args:
        command: a function with typer's options as defaults.

    Returns:
        The same, with the same signature.
    """
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(command).parameters.items()
    }

    @functools.wraps(command)
    def checked(**values: Any) -> Any:
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            option = next(iter(getattr(defaults[name], "param_decls", None) or [f"--{name}"]))
            if isinstance(value, int) and value > MOST:
                raise LusiferError(f"{option} is {_shown(value)}; it must be at most {MOST:,}")
            if isinstance(value, int) and value < -MOST:
                raise LusiferError(f"{option} is {_shown(value)}; it must be a number from 0 on")
            if not math.isfinite(value) or (value < 0 and option not in SIGNED):
                raise LusiferError(f"{option} is {value:g}; it must be a number from 0 on")
        return command(**values)

    return checked
