"""What `lusifer evaluate` on a local suite and on a benchmark share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lusifer.evaluation import Outcome, Task
    from lusifer.models import LoadedModel

    Run = Callable[[LoadedModel, Sequence[Task]], tuple[list[Outcome], dict[str, str]]]


def warn_of_prompts(name: str, model: Any) -> None:
    """Say so where a model is known to need prompts and comes without."""
    from lusifer.evaluation import wants_prompts
    from lusifer.io import plain_console

    if wants_prompts(model):
        plain_console(stderr=True).print(
            f"{name} is known to need prompts, and its folder names none: its scores will be too low. "
            "Put them into config_sentence_transformers.json.",
            style="yellow",
            highlight=False,
        )
