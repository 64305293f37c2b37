"""Bridges of one encoder and one target put side by side as one model (`models/bridge/branches.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lusifer.errors import ModelError
from lusifer.io import replacing_folder


def side_by_side(
    names: Sequence[str | Path], models: Sequence[Any], into: Path, weights: Sequence[float]
) -> dict[str, Any]:
    """Write bridges as one, whose vector is the weighted sum of theirs.

    Args:
        names: what errors call them.
        models: the bridges as `SentenceTransformer`s.
        into: a new folder.
        weights: one a bridge; none is even.

    Returns:
        The shares.

    Raises:
        ModelError: where one is no bridge, or they are not of one encoder and target, both frozen.
    """
    from sentence_transformers import SentenceTransformer

    from lusifer.models import Branches, Bridge

    for name, model in zip(names, models, strict=True):
        if not isinstance(model[0], Bridge):
            raise ModelError(f"{name}: is no bridge; only bridges are put side by side")
    first, poolings = models[0], {str(model[1].pooling_mode) for model in models}
    if len(poolings) > 1:
        raise ModelError(f"the bridges pool differently: {', '.join(sorted(poolings))}")
    even = [1 / len(models)] * len(models)
    joined = Branches([model[0] for model in models], weights or even, poolings.pop())
    made = SentenceTransformer(
        modules=[joined, *list(first)[1:]],
        device="cpu",
        prompts=dict(first.prompts) or None,
        default_prompt_name=first.default_prompt_name,
    )
    with replacing_folder(into) as aside:
        made.save(str(aside), create_model_card=False)
    return {"weights": [round(share, 6) for share in joined.shares]}
