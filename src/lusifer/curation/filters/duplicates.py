"""Pairs that were there before: the same, or nearly.

Method: exact by a hash of both sides as a reader compares them (`lusifer.text.comparable`: case, white
space and sentences' marks apart, signs alike); near by MinHash over 5-character shingles with LSH
(Broder 1997; datasketch): of two pairs whose queries are alike by `threshold` (Jaccard, estimated) and
whose documents are, the first is kept. Cost: about two milliseconds a pair; memory some 100 bytes a
pair exact, 8 KB near. Not for texts of a few words: they share most shingles.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from lusifer.curation.filters.sanity import Test
from lusifer.data import Row
from lusifer.errors import LusiferError, MissingExtra
from lusifer.text import comparable

SHINGLE, PERMUTATIONS = 5, 128
LEAST, MOST = 0.1, 0.95  # thresholds that the index can be built for


def exact() -> Test:
    """Drop a pair that was there before, white space, case and sentences' marks apart."""
    seen: set[bytes] = set()

    def test(row: Row) -> str | None:
        both = f"{comparable(row.values['query'])}\0{comparable(row.values['document'])}"
        key = blake2b(both.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key in seen:
            return "an exact duplicate"
        seen.add(key)
        return None

    return test


def near(threshold: float = 0.8) -> Test:
    """Drop a pair nearly the same as one before it."""
    if not 0 < threshold <= 1:
        raise LusiferError(
            f"the threshold of near duplicates is {threshold}; it is a similarity above 0, at most 1"
        )
    try:
        from datasketch import MinHash, MinHashLSH
    except ModuleNotFoundError:
        raise MissingExtra("datasketch", "curate") from None
    # What the index finds is compared after it, so that its own threshold may be a lower one.
    looked_up = min(max(threshold, LEAST), MOST)
    index: Any = MinHashLSH(threshold=looked_up, num_perm=PERMUTATIONS)
    kept: list[tuple[Any, Any]] = []

    def signature(text: str) -> Any:
        bare = comparable(text)
        made: Any = MinHash(num_perm=PERMUTATIONS)
        made.update_batch(
            {
                bare[i : i + SHINGLE].encode("utf-8", "surrogatepass")
                for i in range(max(1, len(bare) - SHINGLE + 1))
            }
        )
        return made

    def test(row: Row) -> str | None:
        query, document = signature(row.values["query"]), signature(row.values["document"])
        both = query.copy()
        both.merge(
            document
        )  # where each side is alike, so are both together: these are looked up, the sides compared
        for k in index.query(both):
            if kept[k][0].jaccard(query) >= threshold and kept[k][1].jaccard(document) >= threshold:
                return "a near duplicate"
        index.insert(len(kept), both)
        kept.append((query, document))
        return None

    return test
