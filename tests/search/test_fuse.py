"""Meaning and words are added; a word that is shared by chance, and how deep one looks, decide nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lusifer.search.fuse import DEEP, fused

ASKED = np.array([1.0, 0.0], dtype=np.float32)


def row(name: str, cosine: float, words: str = "", **more: float) -> dict[str, Any]:
    vector = [cosine, (1 - cosine**2) ** 0.5]
    return {"path": name, "number": 0, "vector": vector, "words": words} | more


def order(*args: Any) -> list[str]:
    scores = fused(*args)
    return [path for path, _ in sorted(scores, key=lambda key: (-scores[key], key))]


def test_one_kind_alone_keeps_its_own_scores() -> None:
    near = [row("a", 0.8), row("b", 0.3)]
    assert fused(ASKED, "x", near, [], []) == pytest.approx({("a", 0): 0.8, ("b", 0): 0.3})
    worded = [row("b", 0.3, "x", _score=7.0)]
    assert fused(ASKED, "x", [], [], worded) == {("b", 0): 7.0}
    late = [row("c", 0.1, _distance=0.25)]
    assert fused(ASKED, "x", [], late, []) == {("c", 0): -0.25}
    assert fused(ASKED, "x", [], [], []) == {}


def test_words_lift_what_holds_them_and_chance_does_not() -> None:
    near = [row("near", 0.8, "q"), row("right", 0.7, "frost on the road"), row("far", 0.1)]
    worded = [
        row("right", 0.7, "frost on the road", _score=9.0),
        row("near", 0.8, "the", _score=1.0),
    ]
    assert order(ASKED, "frost road", near, [], worded) == ["right", "near", "far"]
    chance = [row("far", 0.1, "in der", _score=2.0)]  # the only find, and its score is the best
    german = "wo liegt in der stadt das eis"
    assert order(ASKED, german, near, [], chance) == ["near", "right", "far"]


def test_a_find_by_words_alone_has_its_own_cosine() -> None:
    near = [row(f"n{i}", 0.9 - 0.005 * i) for i in range(DEEP)]
    worded = [row("low", -0.5, "x", _score=3.0), row("high", 0.6, "x", _score=3.0)]
    scores = fused(ASKED, "x", near, [], worded)
    assert scores["high", 0] > scores["low", 0]


def test_how_deep_one_looks_does_not_change_the_first() -> None:
    rng = np.random.default_rng(0)
    cosines = sorted(rng.uniform(-0.2, 0.9, 400), reverse=True)
    rows = [row(f"p{i}", float(c), "x y"[: 1 + 2 * (i % 2)]) for i, c in enumerate(cosines)]
    words = sorted(
        (one | {"_score": float(s)} for one, s in zip(rows, rng.uniform(0, 9, 400), strict=True)),
        key=lambda one: -one["_score"],
    )
    first = order(ASKED, "x y", rows[:DEEP], [], words[:DEEP])[:10]
    for deep in (60, 100, 400):
        found = order(ASKED, "x y", rows[:deep], [], words[:DEEP])
        assert [one for one in found if one in first] == first


def test_tokens_share_the_part_of_meaning_and_equal_cosines_are_no_fault() -> None:
    near = [row("a", 0.5), row("b", 0.5)]
    late = [row("b", 0.5, _distance=-3.0), row("a", 0.5, _distance=-1.0)]
    assert order(ASKED, "x", near, late, []) == ["b", "a"]
    scores = fused(ASKED, "x", near, late, [])
    assert scores == {("a", 0): 0.25, ("b", 0): 0.5}
