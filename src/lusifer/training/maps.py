"""Closed-form linear maps from one vector space to another, from pairs of vectors of the same
texts.

`rotation`: orthogonal Procrustes (Schönemann 1966) with one scale; `ridge`: least squares with an
L2 penalty. Both on centred vectors, mapped as x @ matrix + bias. Cost: one d x d decomposition. Not
for spaces that differ by more than a linear map: measure on held-out texts.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from sentence_transformers.sentence_transformer.modules import Dense

from lusifer.models import Vectors


def fit(
    kind: Literal["rotation", "ridge"], x: Vectors, y: Vectors, penalty: float = 1e-3
) -> tuple[Vectors, Vectors]:
    """(matrix (d_in, d_out), bias (d_out,)) of the map from rows of x (n, d_in) to rows of y (n,
    d_out).
    """
    mean_x, mean_y = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
    cx, cy = x - mean_x, y - mean_y
    if kind == "rotation":
        u, singular, vt = np.linalg.svd(cx.T @ cy, full_matrices=False)
        matrix = u @ vt * (singular.sum() / max(float((cx**2).sum()), 1e-12))
    else:
        matrix = np.linalg.solve(
            cx.T @ cx + penalty * len(x) * np.eye(x.shape[1]) / x.shape[1], cx.T @ cy
        )
    return matrix.astype(np.float32), (mean_y - mean_x @ matrix).astype(np.float32)


def linear(matrix: Vectors, bias: Vectors) -> Dense:
    """The map as a sentence-transformers module."""
    dense = Dense(*matrix.shape, bias=True, activation_function=torch.nn.Identity())
    with torch.no_grad():
        dense.linear.weight.copy_(torch.from_numpy(matrix.T.copy()))
        dense.linear.bias.copy_(torch.from_numpy(bias))
    return dense
