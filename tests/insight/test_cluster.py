"""Topics and texts that say the same are found, whatever the language, the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from lusifer.errors import LusiferError
from lusifer.insight.cluster import ClusterSettings, cluster_vectors


def clouds(
    count: int, size: int, spread: float, seed: int = 0, dim: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, dim))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    x = np.repeat(centres, size, 0) + spread * rng.normal(size=(count * size, dim))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), np.repeat(
        np.arange(count), size
    )


def in_languages(vectors: np.ndarray, shift: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """The same vectors in two languages that lie apart."""
    away = np.zeros((2, vectors.shape[1]), dtype=np.float32)
    away[0, 0], away[1, 1] = shift, shift
    both = np.concatenate([vectors + away[0], vectors + away[1]])
    return both / np.linalg.norm(both, axis=1, keepdims=True), ["a"] * len(vectors) + ["b"] * len(
        vectors
    )


def test_topics_in_two_languages() -> None:
    vectors, truth = clouds(6, 60, 0.1)
    both, languages = in_languages(vectors)
    found = cluster_vectors(both, languages=languages)
    assert adjusted_rand_score(np.r_[truth, truth], found.cluster) > 0.95
    blind = cluster_vectors(both)
    assert adjusted_rand_score(np.r_[truth, truth], blind.cluster) < 0.9, (
        "which the languages' means are for"
    )
    again = cluster_vectors(both, languages=languages)
    np.testing.assert_array_equal(found.cluster, again.cluster)


def test_so_many_topics() -> None:
    vectors, truth = clouds(6, 60, 0.1)
    found = cluster_vectors(vectors, ClusterSettings(clusters=6))
    assert len(found) == 6
    assert adjusted_rand_score(truth, found.cluster) > 0.95
    more = cluster_vectors(vectors, ClusterSettings(resolution=8.0))
    assert len(more) > len(cluster_vectors(vectors))


def test_texts_that_say_the_same_across_languages() -> None:
    vectors, truth = clouds(300, 2, 0.03)
    both, languages = in_languages(vectors)
    found = cluster_vectors(both, ClusterSettings(method="same"), languages=languages)
    assert adjusted_rand_score(np.r_[truth, truth], found.cluster) > 0.95
    apart, _ = clouds(400, 1, 0.0)
    alone = cluster_vectors(apart, ClusterSettings(method="same", margin=3.0))
    assert (alone.cluster == -1).mean() > 0.95


def test_no_chain_joins_what_is_unlike() -> None:
    """Vectors along an arc, each near the next: a group has a centre that all are near."""
    angles = np.linspace(0, np.pi / 2, 200)
    arc = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    found = cluster_vectors(arc, ClusterSettings(method="same", threshold=0.99, margin=100))
    assert len(found) > 3
    for number in range(len(found)):
        rows = arc[found.cluster == number]
        assert (rows @ rows.T).min() > 0.95


def test_order_likeness_and_medoids() -> None:
    vectors, _ = clouds(3, 50, 0.1)
    keep = np.r_[0:20, 50:100, 100:135]
    found = cluster_vectors(vectors[keep], ClusterSettings(clusters=3, min_size=30))
    sizes = np.bincount(found.cluster[found.cluster >= 0])
    assert sizes.tolist() == [50, 35]
    assert (found.cluster[:20] == -1).all()
    assert (found.likeness[:20] == 0).all()
    for number, medoid in enumerate(found.medoids):
        rows = found.cluster == number
        assert rows[medoid]
        assert found.likeness[medoid] == found.likeness[rows].max()


def test_few_vectors() -> None:
    vectors, _ = clouds(3, 1, 0.1)
    for size in (0, 1, 2, 3):
        for settings in (
            ClusterSettings(),
            ClusterSettings(method="same"),
            ClusterSettings(clusters=2),
        ):
            assert len(cluster_vectors(vectors[:size], settings).cluster) == size
    copies = np.repeat(vectors[:1], 30, 0)
    assert len(cluster_vectors(copies, ClusterSettings(method="same"))) == 1


def test_wrong_settings() -> None:
    for wrong in (
        {"method": "magic"}, {"clusters": 0}, {"clusters": 3, "method": "same"}, {"resolution": 0}, {"threshold": 0}, {"threshold": 2.0},
        {"margin": 0.5}, {"min_size": 0},
    ):  # fmt: skip
        with pytest.raises(LusiferError, match=next(iter(wrong))):
            ClusterSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="2 languages were given for 3 vectors"):
        cluster_vectors(np.eye(3, dtype=np.float32), languages=["a", "b"])
