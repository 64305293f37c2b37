"""Where tables go: a terminal at its own width, a pipe or a file at one where no table breaks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 220


def tables() -> Console:
    """A console on standard output."""
    from lusifer.io import plain_console

    return plain_console(width=None if sys.stdout.isatty() else WIDE)
