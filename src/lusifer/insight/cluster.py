"""Clusters of vectors: topics, or texts that say the same.

`topics`. Method: each language's mean is taken away; the `NEIGHBORS` nearest of each vector make a
graph, whose communities the Leiden algorithm finds (Traag, Waltman, van Eck 2019, arXiv 1810.08473,
by igraph; modularity); with a number of clusters given, k-means instead. Communities smaller than
`min_size` are no cluster. Cost: the neighbours, then seconds for 100,000 vectors.

`same`. Method: each language's mean is taken away; two texts say the same where their cosine is
`threshold` or more, or where it is `margin` times the mean of those to their `AROUND` nearest (as
bitext is mined, Artetxe and Schwenk 2019, arXiv 1811.01136), since translations lie nearer in one
language, and in one model, than in another; a text with all that say the same as it is a group, the
largest first, and a text is in one (the fast clustering of sentence-transformers). Cost: the
neighbours. No chain of likenesses leads from one text to another that is unlike it. A statement in more
than `AROUND` wordings is found by `threshold` alone.

Not for a hundred texts, which a person sorts faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, MissingExtra
from lusifer.insight.knn_graph import self_neighbors
from lusifer.insight.plane import groups_of, without_language

if TYPE_CHECKING:
    from lusifer.models import Vectors

Ints = npt.NDArray[np.int64]
Tell = Callable[[int, int], None]
Method = Literal["topics", "same"]
NEIGHBORS = 15
WITHIN = 50  # neighbours among which a group of like texts is looked for
AROUND = 20  # neighbours whose mean cosine says how near is near
FLOOR = 0.4  # cosine below which nothing says the same, however far all else is
LEAST_WEIGHT = 0.01  # of an edge of the graph


@dataclass(frozen=True)
class ClusterSettings:
    """How vectors are clustered.

    Args:
        method: `topics`, or `same`: texts that say the same.
        clusters: of topics, so many; None lets the texts decide.
        resolution: of topics: above 1 there are more and smaller ones.
        threshold: of `same`: from this cosine on two texts say the same.
        margin: of `same`: so many times as near as their neighbours are, two texts say it too.
        min_size: texts of a cluster, at least.
        seed: of what is drawn at random.
    """

    method: Method = "topics"
    clusters: int | None = None
    resolution: float = 1.0
    threshold: float = 0.9
    margin: float = 1.25
    min_size: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in ("topics", "same"):
            raise LusiferError(f"method is {self.method!r}; it must be topics or same")
        if self.clusters is not None and self.clusters < 1:
            raise LusiferError(f"clusters is {self.clusters}; ask for one or more")
        if self.clusters is not None and self.method == "same":
            raise LusiferError(
                "clusters is a number of topics; of texts that say the same none is given"
            )
        if not self.resolution > 0:
            raise LusiferError(f"resolution is {self.resolution}; it must be above 0")
        if not 0 < self.threshold <= 1:
            raise LusiferError(f"threshold is {self.threshold}; it must be above 0 and at most 1")
        if not self.margin >= 1:
            raise LusiferError(f"margin is {self.margin}; it must be 1 or more")
        if self.min_size < 1:
            raise LusiferError(f"min_size is {self.min_size}; a cluster has one text or more")


@dataclass(frozen=True)
class Clusters:
    """The cluster of each vector.

    `cluster` (n,) counts from 0, the largest first, -1 where a vector is in none; `likeness` (n,)
    is the cosine to the cluster's centre; `medoids` (clusters,) are the rows nearest to the centres.
    """

    cluster: Ints
    likeness: Vectors
    medoids: Ints

    def __len__(self) -> int:
        return len(self.medoids)


def cluster_vectors(
    vectors: Vectors,
    clustering: ClusterSettings | None = None,
    *,
    languages: Sequence[str] | None = None,
    tell: Tell | None = None,
) -> Clusters:
    """Cluster vectors.

    Args:
        vectors: unit rows (n, dim), e.g. of `Embedder.encode`.
        clustering: the settings.
        languages: of each row, so that topics do not follow them; without it they are not known.
        tell: gets the rows whose neighbours are found, and all.

    Returns:
        The clusters.

    Raises:
        LusiferError: where languages and vectors differ in number.
        MissingExtra: where topics are looked for and igraph is not installed.
    """
    clustering = clustering or ClusterSettings()
    if languages is not None and len(languages) != len(vectors):
        raise LusiferError(f"{len(languages):,} languages were given for {len(vectors):,} vectors")
    if languages is not None:
        vectors = without_language(vectors, languages)
    if clustering.method == "same":
        found = _same(vectors, clustering, tell)
    elif clustering.clusters:
        found = groups_of(vectors, clustering.clusters, clustering.seed)
    else:
        found = _communities(vectors, clustering, tell)
    return _ordered(vectors, found, clustering.min_size)


def check_installed(clustering: ClusterSettings) -> None:
    """Raise MissingExtra where what these settings need is not installed."""
    if clustering.method == "topics" and not clustering.clusters and find_spec("igraph") is None:
        raise MissingExtra("igraph", "insight")


def _communities(vectors: Vectors, clustering: ClusterSettings, tell: Tell | None) -> Ints:
    check_installed(clustering)
    import random

    import igraph

    n = len(vectors)
    if n < 2:
        return np.zeros(n, dtype=np.int64)
    cosines, index = self_neighbors(vectors, min(NEIGHBORS, n - 1), seed=clustering.seed, tell=tell)
    rows = np.repeat(np.arange(n), index.shape[1])
    there = index.ravel() >= 0
    pairs = np.stack([rows[there], index.ravel()[there]], 1)
    weights = np.maximum(cosines.ravel()[there], LEAST_WEIGHT)
    _, first = np.unique(
        pairs.min(1).astype(np.int64) * n + pairs.max(1), return_index=True
    )  # a pair that is near both ways is one edge
    graph = igraph.Graph(n=n, edges=pairs[first])
    before = random.getstate()
    try:
        random.seed(clustering.seed)  # igraph draws from Python's own generator
        found = graph.community_leiden(
            objective_function="modularity",
            weights=weights[first].tolist(),
            resolution=clustering.resolution,
            n_iterations=-1,
        )
    finally:
        random.setstate(before)
    return np.array(found.membership, dtype=np.int64)


def _same(vectors: Vectors, clustering: ClusterSettings, tell: Tell | None) -> Ints:
    """Groups around centres: the text with most others near it first."""
    n = len(vectors)
    group = np.full(n, -1, dtype=np.int64)
    if not n:
        return group
    cosines, index = self_neighbors(
        vectors, min(WITHIN, max(1, n - 1)), seed=clustering.seed, tell=tell
    )
    if not cosines.shape[1]:
        return np.zeros(n, dtype=np.int64)
    there = index >= 0
    around = np.where(there, cosines, 0.0)[:, :AROUND].mean(1)
    usual = np.maximum((around[:, None] + around[index]) / 2, LEAST_WEIGHT)
    alike = (cosines >= clustering.margin * usual) & (cosines >= FLOOR)
    near = there & (alike | (cosines >= clustering.threshold))
    count = 0
    strength = near.sum(1) + 1e-3 * np.where(near, cosines, 0.0).sum(1)
    for row in np.argsort(-strength, kind="stable"):
        if group[row] >= 0:
            continue
        others = index[row][near[row]]
        free = others[group[others] < 0]
        group[row] = count
        group[free] = count
        count += 1
    return group


def _ordered(vectors: Vectors, found: Ints, least: int) -> Clusters:
    """Clusters by size, small ones dissolved, with likenesses and medoids."""
    n, dim = vectors.shape
    sizes = np.bincount(found, minlength=1) if n else np.zeros(0, dtype=np.int64)
    names = [c for c in np.argsort(-sizes, kind="stable") if sizes[c] >= least]
    rank = np.full(len(sizes) + 1, -1, dtype=np.int64)
    rank[names] = np.arange(len(names))
    cluster = rank[found]
    sums = np.zeros((len(names), dim), dtype=np.float32)
    inside = np.flatnonzero(cluster >= 0)
    np.add.at(sums, cluster[inside], vectors[inside])
    centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    likeness = np.zeros(n, dtype=np.float32)
    likeness[inside] = np.einsum("nd,nd->n", vectors[inside], centres[cluster[inside]])
    medoids = np.zeros(len(names), dtype=np.int64)
    order = inside[np.lexsort((inside, -likeness[inside], cluster[inside]))]
    if len(order):
        _, first = np.unique(cluster[order], return_index=True)
        medoids = order[first]
    return Clusters(cluster, likeness, medoids)
