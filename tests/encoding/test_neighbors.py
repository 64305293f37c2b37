"""The nearest neighbours in blocks are those of one plain product."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lusifer.encoding.neighbors import LEAST_MEAN, Ints, margins, nearest, nearest_of, ranks
from lusifer.models import Vectors
from tests.search.test_bitext import unit


def test_nearest_in_blocks_are_the_nearest() -> None:
    rng = np.random.default_rng(1)
    x, y = unit(rng, 50), unit(rng, 33)
    values, places, back, back_places = nearest(x, y, 4, block=7)
    assert np.array_equal(places, np.argsort(-(x @ y.T), axis=1)[:, :4])
    assert np.array_equal(back_places, np.argsort(-(y @ x.T), axis=1)[:, :4])
    np.testing.assert_allclose(values, np.sort(x @ y.T, axis=1)[:, ::-1][:, :4], atol=1e-6)
    np.testing.assert_allclose(back, np.sort(y @ x.T, axis=1)[:, ::-1][:, :4], atol=1e-6)


def test_ranks_are_the_plain_counts() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 8)).astype(np.float32), rng.normal(size=(50, 8)).astype(np.float32)
    own = np.arange(30)
    scores = (x * y[own]).sum(1)
    expected = ((x @ y.T) > scores[:, None] + 1e-6).sum(1)
    for block in (1, 7, 64):
        np.testing.assert_array_equal(ranks(x, y, scores, block=block), expected)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 25),
    st.integers(1, 25),
    st.integers(1, 6),
    st.integers(1, 11),
    st.booleans(),
)
def test_of_equal_cosines_the_first_counts_whatever_the_block(
    seed: int, n: int, m: int, k: int, block: int, bars: bool
) -> None:
    """Vectors of small whole numbers: many products are equal, and exactly so."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, size=(n, 3)).astype(np.float32)
    y = rng.integers(-1, 2, size=(m, 3)).astype(np.float32)
    away = rng.random((n, m)) < 0.4 if bars else np.zeros((n, m), dtype=bool)
    scores = np.where(away, -np.inf, x @ y.T)
    k_due = min(k, m)
    due = np.argsort(-scores, axis=1, kind="stable")[:, :k_due]
    values = np.take_along_axis(scores, due, 1)
    best, index = nearest_of(
        x, y, k, block=block, barred=(lambda rows, columns: away[rows, columns]) if bars else None
    )
    np.testing.assert_array_equal(best, values)
    np.testing.assert_array_equal(index, np.where(np.isneginf(values), -1, due))
    if not bars:
        both = nearest(x, y, k, block)
        np.testing.assert_array_equal(both[1], due)
        np.testing.assert_array_equal(both[3], nearest_of(y, x, k, block=block)[1])


def test_rows_that_are_read_slice_by_slice_do_as_an_array_does() -> None:
    class Rows:
        """Vectors that come in slices alone."""

        def __init__(self, all_rows: Vectors) -> None:
            self.all_rows = all_rows

        def __len__(self) -> int:
            return len(self.all_rows)

        def __getitem__(self, part: slice, /) -> Vectors:
            assert part.stop - part.start <= 7
            return self.all_rows[part].copy()

    rng = np.random.default_rng(3)
    x, y = unit(rng, 20), unit(rng, 31)
    told: list[tuple[int, int]] = []
    found = nearest(Rows(x), Rows(y), 3, 7, lambda done, total: told.append((done, total)))
    plain = nearest(x, y, 3)
    for values, places in ((0, 1), (2, 3)):
        np.testing.assert_allclose(found[values], plain[values], atol=1e-6)
        np.testing.assert_array_equal(found[places], plain[places])
    assert told == [(7, 20), (14, 20), (20, 20)]


@pytest.mark.parametrize("mean", [0.4, 0.0, -0.3])
def test_a_margin_is_a_cosine_over_both_sides_mean(mean: float) -> None:
    best = np.array([[0.8, 0.2]], dtype=np.float32)
    index: Ints = np.array([[2, 0]])
    other = np.array([0.1, 9.0, 0.6], dtype=np.float32)
    found = margins(best, index, np.array([mean], dtype=np.float32), other)
    due = [
        value / max((mean + other[place]) / 2, LEAST_MEAN)
        for value, place in zip(best[0], index[0], strict=True)
    ]
    np.testing.assert_allclose(found[0], due, rtol=1e-6)
