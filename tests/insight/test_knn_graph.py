"""Neighbours are exact in a small set, and nearly all found by cells in a large one."""

from __future__ import annotations

import numpy as np

from lusifer.insight.knn_graph import self_neighbors


def some(n: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, dim))
    x = centres[rng.integers(40, size=n)] + 0.4 * rng.normal(size=(n, dim))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def naive(x: np.ndarray, k: int) -> np.ndarray:
    scores = x @ x.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def test_exact() -> None:
    x = some(500)
    cosines, index = self_neighbors(x, 7)
    np.testing.assert_array_equal(index, naive(x, 7))
    np.testing.assert_allclose(cosines, np.take_along_axis(x @ x.T, index, 1), atol=1e-6)


def test_cells_find_nearly_all_and_no_row_itself() -> None:
    x = some(4000)
    told: list[tuple[int, int]] = []
    cosines, index = self_neighbors(
        x, 10, exact=100, tell=lambda done, total: told.append((done, total))
    )
    truth = naive(x, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(index, truth, strict=True)])
    assert recall > 0.95
    assert not (index == np.arange(4000)[:, None]).any()
    assert (np.diff(cosines, axis=1) <= 1e-6).all()
    np.testing.assert_allclose(cosines, np.einsum("nkd,nd->nk", x[index], x), atol=1e-5)
    assert told[-1] == (4000, 4000)


def test_few_rows_and_copies() -> None:
    x = some(3)
    cosines, index = self_neighbors(x, 5)
    assert (index[:, 2:] == -1).all()
    assert np.isneginf(cosines[:, 2:]).all()
    copies = np.repeat(some(1), 6, 0)
    _, index = self_neighbors(copies, 2)
    assert not (index == np.arange(6)[:, None]).any()
