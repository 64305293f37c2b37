"""Words and their translations in two spaces: which word is nearest, how often it is right, and a map that finds
more pairs by itself.

Method: bilingual lexicon induction. A word's translation is the nearest of the other language's words, by cosine or
by CSLS, which takes from each cosine the mean cosine of both words to their ten nearest, so that a word near to all is
not the answer to all (Conneau et al., arXiv 1710.04087); P@1 is the share of words whose nearest is one of their
translations. `refined` fits a rotation to the pairs, takes for further pairs those of the most frequent words that are
each other's nearest, fits again, five times. Cost: n x m products a round. Not for spaces with no likeness of form: a
rotation of noise stays noise, and P@1 says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from lusifer.encoding import Ints, nearest
from lusifer.models import Vectors
from lusifer.reshaping.linear_map import fit

NEAREST, ROUNDS, FREQUENT = 10, 5, 20_000
AT_ONCE = 1 << 25  # products that are held
Map = tuple[Vectors, Vectors]


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def mapped(vectors: Vectors, by: Map) -> Vectors:
    """Unit rows of vectors behind a map."""
    return unit(vectors @ by[0] + by[1])


def best(x: Vectors, y: Vectors, crowd: Vectors | None = None) -> Ints:
    """The row of `y` that is nearest to each of `x`.

    Args:
        x: (n, dim), unit rows.
        y: (m, dim), unit rows.
        crowd: (m,), each y's mean cosine to its nearest on the other side, for CSLS; by cosine without.

    Returns:
        (n,), numbers of rows.
    """
    found = np.zeros(len(x), dtype=np.int64)
    rows = max(1, AT_ONCE // max(1, len(y)))
    for start in range(0, len(x), rows):
        scores = x[start : start + rows] @ y.T
        if crowd is not None:
            scores -= crowd / 2
        found[start : start + rows] = scores.argmax(1)
    return found


def crowds(x: Vectors, y: Vectors) -> tuple[Vectors, Vectors]:
    """Of each row of x (n,) and of y (m,) the mean cosine to its ten nearest on the other side."""
    near_x, _, near_y, _ = nearest(x, y, NEAREST)
    return near_x.mean(1), near_y.mean(1)


def precision(x: Vectors, y: Vectors, truth: Mapping[int, frozenset[int]], *, csls: bool) -> float:
    """P@1: the share of words whose nearest is one of their translations.

    Args:
        x: (n, dim), unit rows, of all source words; CSLS looks at how the first 20,000 of them crowd.
        y: (m, dim), unit rows, of all target words, which are all candidates.
        truth: row of x → rows of y that are right.
        csls: whether nearest is by CSLS.

    Returns:
        From 0 to 1.
    """
    rows = np.array(sorted(truth), dtype=np.int64)
    crowd = crowds(x[:FREQUENT], y)[1] if csls else None
    answers = best(x[rows], y, crowd)
    return float(
        np.mean([a in truth[r] for r, a in zip(rows.tolist(), answers.tolist(), strict=True)])
    )


def refined(
    x: Vectors,
    y: Vectors,
    pairs: npt.NDArray[np.int64],
    tell: Callable[[str, int, int], None],
) -> Map:
    """A rotation, fitted to pairs and to those that it finds itself.

    Args:
        x: (n, dim), unit rows, most frequent first.
        y: (m, dim), unit rows, most frequent first.
        pairs: (p, 2), rows of x and of y.
        tell: gets `refining`, how many rounds are done, and of how many.

    Returns:
        The matrix (dim, dim) and the bias (dim,).
    """
    found = fit("rotation", x[pairs[:, 0]], y[pairs[:, 1]])
    often_x, often_y = x[:FREQUENT], y[:FREQUENT]
    for number in range(ROUNDS):
        tell("refining", number, ROUNDS)
        here = mapped(often_x, found)
        crowd_x, crowd_y = crowds(here, often_y)
        there, back = best(here, often_y, crowd_y), best(often_y, here, crowd_x)
        mutual = np.flatnonzero(back[there] == np.arange(len(here)))
        own = np.stack([mutual, there[mutual]], 1)
        both = np.unique(np.concatenate([pairs, own]), axis=0)
        found = fit("rotation", x[both[:, 0]], y[both[:, 1]])
    tell("refining", ROUNDS, ROUNDS)
    return found


def orthogonality(matrix: Vectors) -> float:
    """How far a map is from a rotation: the norm of A transposed times A, less 1, A scaled to the size of a
    rotation; 0 for one, about the root of the dimension for one that keeps a few axes alone.
    """
    square = matrix.astype(np.float64)
    scale = np.sqrt(float((square**2).sum()) / square.shape[1])
    scaled = square / max(scale, 1e-12)
    return float(np.linalg.norm(scaled.T @ scaled - np.eye(square.shape[1])))
