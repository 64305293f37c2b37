"""What every verb has: bounded numbers, `--quiet` and, where it computes, `--threads`. One wrapper for
all, so that none is forgotten.
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
from lusifer.errors import LusiferError

QUIET = typer.Option(
    False, "--quiet", "-q", help="No progress and no remarks; results and errors alone."
)
THREADS = typer.Option(
    None, "--threads", help="So many threads at most; else all cores that this process may use."
)


def verb(command: Callable[..., Any], *, computes: bool = True) -> Callable[..., Any]:
    """A command as it is registered.

    Args:
        command: a function with typer's options as defaults.
        computes: whether it runs a model, and so takes `--threads`.

    Returns:
        The same with one or two options more. What a command says on standard error is not shown
        with `--quiet`; an error ends it all the same, and is told by `main`.
    """
    checked = bounded(command)

    @functools.wraps(command)
    def run(*, quiet: bool = False, threads: int | None = None, **values: Any) -> Any:
        if threads is not None:
            if threads < 1:
                raise LusiferError(f"--threads is {threads}; it must be 1 or more")
            # Read by torch, numpy and our own count alike, when they start: later than this.
            os.environ["OMP_NUM_THREADS"] = str(threads)
        if not quiet:
            return checked(**values)
        with open(os.devnull, "w", encoding="utf-8") as dev, contextlib.redirect_stderr(dev):
            return checked(**values)

    more: dict[str, tuple[Any, Any]] = {"threads": (THREADS, int)} if computes else {}
    more["quiet"] = (QUIET, bool)
    plain = inspect.signature(command)
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
        for name, (option, kind) in more.items()
    ]
    run.__signature__ = plain.replace(parameters=[*plain.parameters.values(), *options])  # type: ignore[attr-defined]
    run.__annotations__ = command.__annotations__ | {name: kind for name, (_, kind) in more.items()}
    return run
