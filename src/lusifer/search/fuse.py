"""One order of what was found by meaning and by words.

Method: a convex sum of the two (Bruch, Gai and Ingber 2023, arXiv 2210.11934). A passage's cosine is put
between those of the nearest and of the `DEEP`-th nearest, its BM25 beside that of the best, weighed by
the share of the question's words that it holds: a question in a language of which the index holds no
passage shares "a" or a name with some, and should not be answered by them. Where tokens are compared
too, they share the part of meaning. Cost: nothing beside the searches. Not reciprocal rank fusion, which
knows no share and no distance: it found less, and with words that are shared by chance a tenth less than
vectors alone (docs/LOG.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lusifer.models import Vectors

Key = tuple[str, int]
Row = Mapping[str, Any]
DEEP = 50  # of each kind, how many are found at least
MEANING = 0.5  # weight of the part of meaning; the words have the rest


def key_of(row: Row) -> Key:
    """What a passage is known by: its file, and its number there."""
    return row["path"], row["number"]


def fused(
    asked: Vectors, words: str, near: Sequence[Row], late: Sequence[Row], worded: Sequence[Row]
) -> dict[Key, float]:
    """The score of each passage that was found, higher is better.

    Args:
        asked: the question's vector (dim,).
        words: the question's words, with spaces between.
        near: rows by their vectors, the nearest first; with a `vector`, as all rows, or with how `near`
            they lie.
        late: rows by their tokens, with `_distance`; none where those are not compared.
        worded: rows by words, with `words` and `_score`.

    Returns:
        Scores by `key_of` a row. Where one kind was asked for alone they are its own: cosines, sums of
        tokens, or BM25.
    """
    wanted = set(words.split())
    cosine = _by_key(near, lambda row: _near(row, asked))
    token = _by_key(late, lambda row: -float(row["_distance"]))
    word = _by_key(worded, lambda row: float(row["_score"]))
    if not near:
        return word or token
    if not (late or worded):
        return cosine
    share = _by_key(worded, lambda row: len(wanted & set(row["words"].split())) / len(wanted))
    best = max(word.values(), default=1.0)
    # A passage that only its words found has a cosine all the same, though a small one.
    whole = _by_key([*worded, *late], lambda row: _near(row, asked)) | cosine
    parts = [_scaled(whole, list(cosine.values())[:DEEP])]
    if token:
        scaled = _scaled(token, list(token.values())[:DEEP])
        parts.append({key: max(0.0, value) for key, value in scaled.items()})
    return {
        key: MEANING * sum(part.get(key, 0.0) for part in parts) / len(parts)
        + (1 - MEANING) * share.get(key, 0.0) * word.get(key, 0.0) / best
        for key in whole
    }


def _by_key(rows: Sequence[Row], value: Any) -> dict[Key, float]:
    return {key_of(row): value(row) for row in rows}


def cosine_of(row: Row, asked: Vectors) -> float:
    """How near a row's own vector lies to a question's."""
    return float(np.asarray(row["vector"], dtype=np.float32) @ asked)


def _near(row: Row, asked: Vectors) -> float:
    return float(row["near"]) if "near" in row else cosine_of(row, asked)


def _scaled(values: Mapping[Key, float], of: Sequence[float]) -> dict[Key, float]:
    """1 at the largest of some values, 0 at the smallest; below it where a value is smaller still."""
    low, high = min(of), max(of)
    width = high - low
    return {key: (value - low) / width if width > 1e-6 else 1.0 for key, value in values.items()}
