"""A console that prints what it is given: no square brackets are taken for markup, no colons for emoji.
File names and users' texts hold both.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console


def plain_console(**settings: Any) -> Console:
    """rich's console without markup.

    Args:
        settings: as of `rich.console.Console`, e.g. `stderr=True`.
    """
    return Console(markup=False, emoji=False, **settings)
