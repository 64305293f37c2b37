"""Which of a model's prompts a task is asked with, by the names that mteb gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLES = {"query": "query", "passage": "document", "document": "document"}


def prompt_for(prompts: Mapping[str, str], task: str, kind: str, role: Any) -> str | None:
    """The name of the prompt that fits best, in mteb's order: task and role, task, kind and role,
    kind, role.
    """
    role = getattr(role, "value", role)
    names = (
        [f"{task}-{role}", task, f"{kind}-{role}", kind, str(role), ROLES.get(str(role), "")]
        if role
        else [task, kind]
    )
    return next((name for name in names if name in prompts), None)
