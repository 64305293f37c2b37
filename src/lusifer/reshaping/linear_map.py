"""Closed-form linear maps from one vector space to another, from pairs of vectors of the same
texts; and a map as a layer of a model.

`rotation`: orthogonal Procrustes (Schönemann 1966) with one scale; `ridge`: least squares with an
L2 penalty; `least-squares`: without one (Mikolov et al., arXiv 1309.4168). All on centred vectors, mapped as
x @ matrix + bias. Cost: one d x d decomposition. Not for spaces that differ by more than a linear map: measure on
held-out texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lusifer.errors import LusiferError
from lusifer.models import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

Closed = Literal["rotation", "ridge", "least-squares"]
BATCH = 64


def fit(kind: Closed, x: Vectors, y: Vectors, penalty: float = 1e-3) -> tuple[Vectors, Vectors]:
    """The map from rows of one array to those of another.

    Args:
        kind: what kind of map.
        x: (n, d_in).
        y: (n, d_out).
        penalty: of `ridge`, relative to the mean variance of x where that is about 1 / d_in, as of unit vectors.

    Returns:
        The matrix (d_in, d_out) and the bias (d_out,).

    Raises:
        LusiferError: for `least-squares` from fewer pairs than numbers, or `ridge` without a penalty where numbers
            are the same in all rows: any map would do.
    """
    mean_x, mean_y = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
    cx, cy = x - mean_x, y - mean_y
    if kind == "rotation":
        u, singular, vt = np.linalg.svd(cx.T @ cy, full_matrices=False)
        matrix = u @ vt * (singular.sum() / max(float((cx**2).sum()), 1e-12))
    elif kind == "least-squares":
        if len(x) <= x.shape[1]:
            raise LusiferError(
                f"least-squares wants more pairs than numbers in a vector, {x.shape[1]}; here are {len(x)}: take rotation or ridge"
            )
        matrix = np.linalg.lstsq(cx, cy, rcond=None)[0]
    else:
        shrunk = cx.T @ cx + penalty * len(x) * np.eye(x.shape[1]) / x.shape[1]
        try:
            matrix = np.linalg.solve(shrunk, cx.T @ cy)
        except np.linalg.LinAlgError:
            raise LusiferError(
                f"ridge by a penalty of {penalty:g} has no one answer; take one above 0"
            ) from None
    return matrix.astype(np.float32), (mean_y - mean_x @ matrix).astype(np.float32)


def linear(matrix: Vectors, bias: Vectors) -> Dense:
    """The map as a sentence-transformers module."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    dense = Dense(*matrix.shape, bias=True, activation_function=torch.nn.Identity())
    with torch.no_grad():
        dense.linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(matrix.T)))
        dense.linear.bias.copy_(torch.from_numpy(bias))
    return dense


def before_normalizing(model: SentenceTransformer, texts: Sequence[str]) -> tuple[int, Vectors]:
    """Where a model's normalising is, or would be, among its modules, and its vectors of some texts there,
    (n, d), each with the model's default prompt.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    # An earlier one stands before a map that was fitted to unit vectors.
    index = len(model) - isinstance(model[len(model) - 1], Normalize)
    plain = SentenceTransformer(
        modules=list(model)[:index],
        device=str(model.device),
        prompts=model.prompts or None,
        default_prompt_name=model.default_prompt_name,
    ).eval()
    made = plain.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
    return index, np.asarray(made, dtype=np.float32)


def put_linear(model: SentenceTransformer, index: int, matrix: Vectors, bias: Vectors) -> None:
    """Put a map before a model's module number `index`; into the linear layer that stands there already."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    before: Any = model[index - 1] if index else None
    plain = isinstance(before, Dense) and isinstance(before.activation_function, torch.nn.Identity)
    if not plain:
        model.insert(index, linear(matrix, bias).to(model.device))
        return
    weight = before.linear.weight.detach().float().cpu().numpy()
    own = before.linear.bias
    shift = np.zeros(len(weight), np.float32) if own is None else own.detach().float().cpu().numpy()
    model[index - 1] = linear(weight.T @ matrix, shift @ matrix + bias).to(model.device)
