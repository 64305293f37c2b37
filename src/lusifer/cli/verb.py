"""What every verb has: bounded numbers, and `--quiet`. One wrapper for all, so that none is
forgotten.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable
from typing import Any

import typer

from lusifer.cli.bounds import bounded

QUIET = typer.Option(
    False, "--quiet", "-q", help="No progress and no remarks; results and errors alone."
)


def verb(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command as it is registered.

    Args:
        command: a function with typer's options as defaults.

    Returns:
        The same with one option more, `--quiet`: what it says on standard error is not shown then.
        An error ends it all the same, and is told by `main`.
    """
    checked = bounded(command)

    @functools.wraps(command)
    def run(*, quiet: bool = False, **values: Any) -> Any:
        if not quiet:
            return checked(**values)
        with (
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            contextlib.redirect_stderr(nowhere),
        ):
            return checked(**values)

    plain = inspect.signature(command)
    option = inspect.Parameter(
        "quiet", inspect.Parameter.KEYWORD_ONLY, default=QUIET, annotation=bool
    )
    run.__signature__ = plain.replace(parameters=[*plain.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "quiet": bool}
    return run
