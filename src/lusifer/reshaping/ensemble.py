"""Several models as one, each kept whole: their vectors are combined (`models/ensemble.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from lusifer.errors import LusiferError
from lusifer.io import replacing_folder, write_json
from lusifer.models import ENSEMBLE, PROJECTION, How, LoadedModel, join

if TYPE_CHECKING:
    from lusifer.models import Vectors


def ensemble(
    models: Sequence[str | Path],
    into: str | Path,
    *,
    how: How = "concatenate",
    weights: Sequence[float] | None = None,
    dimensions: int | None = None,
    texts: Sequence[str] | None = None,
) -> Path:
    """Make a model of several, of which each stays where it is and reads every text.

    Args:
        models: two or more, as for `lusifer.load`.
        into: a new folder, or one that holds an ensemble.
        how: `concatenate`, `project` (the same in fewer numbers), or `average`.
        weights: of each model; even without.
        dimensions: of `project`: numbers of a vector.
        texts: of `project`: a sample of what will be read, more texts than dimensions.

    Returns:
        The folder, which is a model to `lusifer.load`.

    Raises:
        LusiferError: for fewer than two models, weights that do not fit, or a projection without
            its texts.
        ModelError: where a model cannot be loaded.
    """
    if how not in get_args(How):
        raise LusiferError(f"how is {how!r}; it must be one of {', '.join(get_args(How))}")
    if len(models) < 2:
        raise LusiferError("an ensemble is of two models or more")
    shares = list(weights) if weights else [1.0] * len(models)
    if len(shares) != len(models) or not all(np.isfinite(w) and w > 0 for w in shares):
        raise LusiferError(
            f"weights are {', '.join(f'{w:g}' for w in shares)}; give {len(models)} numbers above 0"
        )
    given = {dimensions is not None, texts is not None}
    if given != {how == "project"}:
        raise LusiferError("project takes dimensions and texts, and only project does")
    members = [LoadedModel.load(name) for name in models]
    axes = None
    if dimensions is not None and texts is not None:
        parts = [member.embedder.encode(texts) for member in members]
        axes = _axes(join(parts, shares, how), dimensions)
    config = {
        "lusifer": "ensemble",
        "how": how,
        "members": [
            {"name": member.name, "hash": member.hash, "weight": weight}
            for member, weight in zip(members, shares, strict=True)
        ],
    }
    with replacing_folder(into) as aside:
        write_json(aside / ENSEMBLE, config)
        if axes:
            from safetensors.numpy import save_file

            save_file({"mean": axes[0], "axes": axes[1]}, aside / PROJECTION)
    return Path(into)


def _axes(vectors: Vectors, dimensions: int) -> tuple[Vectors, Vectors]:
    """The mean, and the axes (size, dimensions) along which vectors vary most."""
    most = min(vectors.shape)
    if not 1 <= dimensions <= most:
        raise LusiferError(
            f"dimensions is {dimensions}; {len(vectors):,} texts and vectors of {vectors.shape[1]} numbers give 1 to {most}"
        )
    mean = vectors.mean(0)
    _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    return mean, np.ascontiguousarray(axes[:dimensions].T)
