"""Points on a plane keep what lies far apart apart, and do not show the language; groups are found."""

from __future__ import annotations

import numpy as np

from lusifer.insight.plane import groups_of, on_a_plane, without_language


def clouds(
    count: int = 3, size: int = 40, dim: int = 16, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, dim))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    points = np.repeat(centres, size, 0) + 0.02 * rng.normal(size=(count * size, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), np.repeat(
        np.arange(count), size
    )


def test_clouds_stay_apart_and_within_the_frame() -> None:
    vectors, truth = clouds()
    points = on_a_plane(vectors)
    assert points.shape == (120, 2)
    assert points.min() >= 0
    assert points.max() <= 1
    means = np.stack([points[truth == i].mean(0) for i in range(3)])
    spread = max(points[truth == i].std(0).max() for i in range(3))
    assert min(np.linalg.norm(means[i] - means[j]) for i in range(3) for j in range(i)) > 3 * spread


def test_groups_are_the_clouds_the_largest_first() -> None:
    vectors, truth = clouds()
    keep = np.r_[0:40, 40:60, 80:110]
    groups = groups_of(vectors[keep], 3)
    assert np.bincount(groups).tolist() == [40, 30, 20]
    for cloud in range(3):
        assert len(set(groups[truth[keep] == cloud])) == 1


def test_few_points() -> None:
    vectors, _ = clouds()
    for size in (0, 1, 2, 3):
        assert on_a_plane(vectors[:size]).shape == (size, 2)
        assert len(groups_of(vectors[:size], 10)) == size
        assert without_language(vectors[:size], ["a"] * size).shape == (size, 16)
    same = np.repeat(vectors[:1], 5, 0)
    assert np.isfinite(on_a_plane(same)).all()
    assert set(groups_of(same, 3)) <= {0, 1, 2}


def test_the_language_is_taken_away() -> None:
    """Three meanings in two languages that lie far apart: groups are meanings then."""
    vectors, truth = clouds()
    shift = np.zeros(16, dtype=np.float32)
    shift[0] = 2
    both = np.concatenate([vectors + shift, vectors - shift])
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    languages = ["a"] * 120 + ["b"] * 120
    groups = groups_of(without_language(both, languages), 3)
    for cloud in range(3):
        assert len(set(groups[np.r_[truth, truth] == cloud])) == 1
