"""A group of verbs one of which is meant where none is named: `lusifer classify M FILE` is
`lusifer classify apply M FILE`.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class DefaultGroup(TyperGroup):
    """Takes what begins with no verb of its own as `apply` and its arguments."""

    default = "apply"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As click's, with the verb put before what has none."""
        asks_help = args and args[0] in ("-h", "--help")
        if args and not asks_help and args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)
