"""Mining in blocks equals two plain loops, finds what is hidden, and goes on where it was."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lusifer.encoding.neighbors import LEAST_MEAN
from lusifer.errors import LusiferError
from lusifer.search.bitext import LEAD, BitextPair, best_threshold, mine_bitext


def unit(rng: np.random.Generator, n: int, d: int = 12) -> np.ndarray:
    rows = rng.normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def plain(x: np.ndarray, y: np.ndarray, k: int) -> list[tuple[int, int]]:
    """The definition, by two loops."""
    cosine = x @ y.T

    def around(row: np.ndarray) -> float:
        return float(np.sort(row)[::-1][:k].mean())

    means = [around(row) for row in cosine], [around(row) for row in cosine.T]

    def margin(i: int, j: int) -> float:
        return float(cosine[i, j] / max((means[0][i] + means[1][j]) / 2, LEAST_MEAN))

    candidates = set()
    for i in range(len(x)):
        near = np.argsort(-cosine[i], kind="stable")[:k]
        candidates.add(max((margin(i, j), i, int(j)) for j in near))
    for j in range(len(y)):
        near = np.argsort(-cosine[:, j], kind="stable")[:k]
        candidates.add(max((margin(i, j), int(i), j) for i in near))
    taken: tuple[set[int], set[int]] = set(), set()
    result = []
    for _, i, j in sorted(candidates, key=lambda c: (-c[0], c[1], c[2])):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            result.append((i, j))
    return sorted(result)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 17),
)
def test_blocks_equal_two_plain_loops(seed: int, n: int, m: int, k: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = unit(rng, n), unit(rng, m)
    found = sorted((p.first, p.second) for p in mine_bitext(x, y, k=k, block=block))
    assert found == plain(x, y, k)


def test_hidden_pairs_are_found_among_distractors() -> None:
    rng = np.random.default_rng(2)
    x, y = unit(rng, 300, 32), unit(rng, 400, 32)
    gold = {(i, int(j)) for i, j in enumerate(rng.permutation(400)[:100])}
    for i, j in gold:
        y[j] = x[i] + 0.1 * y[j]
        y[j] /= np.linalg.norm(y[j])
    f1, precision, recall, threshold = best_threshold(mine_bitext(x, y), gold)
    assert min(f1, precision, recall) > 0.97
    assert threshold > 1.06
    both = {(p.first, p.second) for p in mine_bitext(x, y, retrieval="intersect")}
    assert gold <= both <= {(p.first, p.second) for p in mine_bitext(x, y, retrieval="forward")}


def test_the_best_threshold() -> None:
    found = [
        BitextPair(1.5, 0, 0),
        BitextPair(1.4, 1, 1),
        BitextPair(1.3, 2, 3),
        BitextPair(1.2, 3, 2),
        BitextPair(1.1, 4, 4),
    ]
    assert best_threshold(found, {(0, 0), (1, 1), (5, 5)}) == pytest.approx((0.8, 1.0, 2 / 3, 1.4))


def rows_of(*rows: list[float]) -> np.ndarray:
    made = np.array(rows, dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (rows_of([1, 0], [0, 1]), rows_of([-1, 0.001], [0.001, -1])),
        (rows_of([1, 0, 0], [0, 1, 0]), rows_of([0, 0, 1], [1, 0, 0])),
        (rows_of([1, 1e-4]), rows_of([-1e-4, 1])),
        (rows_of([1, 2], [2, 1]), rows_of([-1, -2], [-2, -1])),
        (rows_of([1, 0, 0], [0, 1, 0]), rows_of([0, 0, 1], [0, 0, -1])),
    ],
)
def test_opposite_and_orthogonal_vectors_are_no_translations(x: np.ndarray, y: np.ndarray) -> None:
    for pair in mine_bitext(x, y):
        assert np.isfinite(pair.score)
        assert pair.score < 1.06 or x[pair.first] @ y[pair.second] > 0


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("n", [60, 300])
def test_a_lead_tells_translations_from_chance_whatever_the_space(shift: float, n: int) -> None:
    """`shift` moves all vectors into one corner, as those of a contrastive model lie."""
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(2, n, 48))
    x[: n // 2] = y[: n // 2] + 0.35 * x[: n // 2]
    x, y = (
        ((side + shift) / np.linalg.norm(side + shift, axis=1, keepdims=True)).astype(np.float32)
        for side in (x, y)
    )
    found = {(p.first, p.second) for p in mine_bitext(x, y) if p.lead >= LEAD}
    right = {(i, i) for i in range(n // 2)}
    assert len(found & right) > 0.9 * len(right)
    assert len(found - right) < 0.05 * n


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"retrieval": "nope"}, "retrieval is 'nope'; it must be one of max, forward"),
        ({"k": 0}, "k is 0"),
        ({"k": -1}, "k is -1"),
        ({"block": 0}, "block 0"),
        ({"x": np.zeros(4)}, "x must be a matrix"),
        ({"y": np.zeros((2, 2, 2))}, "y must be a matrix"),
        ({"y": np.zeros((3, 5))}, "x has vectors of 4 numbers, y of 5"),
        ({"x": np.array([[1.0, 0, 0, 0], [np.nan, 0, 0, 0]])}, "x: row 1 holds NaN"),
        ({"y": np.array([[np.inf, 0, 0, 0]])}, "y: row 0 holds NaN or infinite"),
    ],
)
def test_what_cannot_be_mined_is_told(change: dict[str, Any], said: str) -> None:
    rows: dict[str, Any] = {"x": np.eye(4, dtype=np.float32), "y": np.eye(4, dtype=np.float32)}
    rows |= change
    with pytest.raises(LusiferError, match=re.escape(said)):
        mine_bitext(rows.pop("x"), rows.pop("y"), **rows)
