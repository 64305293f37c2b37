"""The cache holds so many bytes, lets go of what was asked for longest ago, and tells texts, prompts
and models apart.
"""

from __future__ import annotations

import numpy as np

from lusifer.serving.vector_cache import OVERHEAD, VectorCache


def test_keys_differ_where_any_part_differs() -> None:
    parts = [
        ("m", None, "a"), ("m", "", "a"), ("m", "q", "a"), ("mq", None, "a"), ("m", None, "qa"), ("n", None, "a"),
        ("m", "qa", ""), ("m", None, "\ud800"),
    ]  # fmt: skip
    assert len({VectorCache.key(*each) for each in parts}) == len(parts)


def test_the_oldest_goes_and_what_is_asked_for_stays() -> None:
    row = np.ones(4, dtype=np.float32)
    cache = VectorCache(3 * (row.nbytes + OVERHEAD))
    for name in (b"a", b"b", b"c"):
        cache.put(name, row, 1)
    assert cache.get(b"a") is not None
    cache.put(b"d", row, 7)
    assert [cache.get(name) is not None for name in (b"a", b"b", b"c", b"d")] == [
        True,
        False,
        True,
        True,
    ]
    assert cache.bytes <= cache.limit
    assert (found := cache.get(b"d"))
    assert found.tokens == 7
    assert (cache.hits, cache.misses) == (5, 1)


def test_none_are_kept_where_none_may_be() -> None:
    cache = VectorCache(0)
    cache.put(b"a", np.ones(4, dtype=np.float32), 1)
    assert len(cache) == cache.bytes == 0
