"""Search in two steps: the metrics are those of sorting the best by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.evaluation import reranked
from lusifer.evaluation.metrics import ranks
from lusifer.evaluation.reranked import Sorter, SortingEncoder, encoder_of, search_ranks
from tests.evaluation.oracle import Oracle, write_suite

RNG = np.random.default_rng(3)
TEXTS = [f"passage {i}" for i in range(40)]
QUESTIONS = [f"question {i}" for i in range(9)]


def units(n: int) -> np.ndarray:
    made = RNG.standard_normal((n, 6)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


QUERIES, PASSAGES = units(9), units(40)
RIGHT = [sorted(RNG.choice(40, size=int(RNG.integers(1, 5)), replace=False)) for _ in range(9)]


def judge(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """A word of its own, with ties."""
    return [float((7 * int(q.split()[1]) + 3 * int(t.split()[1])) % 11) for q, t in pairs]


def by_hand(top: int) -> list[list[int]]:
    found = []
    for q, right in enumerate(RIGHT):
        order = np.argsort(-(PASSAGES @ QUERIES[q]), kind="stable").tolist()
        scores = dict(
            zip(order[:top], judge([(QUESTIONS[q], TEXTS[c]) for c in order[:top]]), strict=True)
        )
        # Of equal scores the irrelevant comes first.
        first = sorted(order[:top], key=lambda c: (-scores[c], c in right))
        whole = first + order[top:]
        found.append(sorted(whole.index(c) + 1 for c in right))
    return found


@pytest.mark.parametrize("top", [1, 5, 17, 40, 100])
@pytest.mark.parametrize("together", [1, 50, 4096])
def test_ranks_are_those_of_sorting_by_hand(
    top: int, together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranked, "PAIRS", together)
    model = encoder_of(Oracle(), tmp_path, Sorter(judge, top))
    assert isinstance(model, SortingEncoder)
    found = search_ranks(model, QUESTIONS, QUERIES, PASSAGES, TEXTS, RIGHT)
    assert [r.tolist() for r in found] == by_hand(top)


def test_a_reranker_that_thinks_as_the_model_changes_nothing(tmp_path: Path) -> None:
    plain = ranks(QUERIES, PASSAGES, RIGHT)

    def same(pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float(QUERIES[int(q.split()[1])] @ PASSAGES[int(t.split()[1])]) for q, t in pairs]

    for sorter in (None, Sorter(same, 20)):
        model = encoder_of(Oracle(), tmp_path / str(sorter is None), sorter)
        found = search_ranks(model, QUESTIONS, QUERIES, PASSAGES, TEXTS, RIGHT)
        assert [r.tolist() for r in found] == [r.tolist() for r in plain]


def test_a_suite_is_measured_with_a_reranker(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    asked: list[tuple[str, str]] = []

    def wrong(pairs: list[tuple[str, str]]) -> list[float]:
        """Whoever shares the letter comes last."""
        asked.extend(pairs)
        return [-float(q.split("#")[1][0] == t.split("#")[1][0]) for q, t in pairs]

    tasks = ["xquad", "trecqa"]
    plain = {
        (s.task, s.language, s.metric): s.value for s in lusifer.evaluate(Oracle(), suite, tasks)
    }
    turned = {
        (s.task, s.language, s.metric): s.value
        for s in lusifer.evaluate(Oracle(), suite, tasks, reranker=wrong)
    }
    assert plain.keys() == turned.keys()
    assert all(
        turned[key] < value for key, value in plain.items() if "nDCG" in key[2] or "mAP" in key[2]
    )
    assert asked


def test_what_is_no_reranker_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LusiferError, match="reads 1 candidate of a question or more, not 0"):
        Sorter(judge, 0)
    for wrong in (lambda pairs: [1.0], lambda pairs: [float("nan")] * len(pairs)):
        model = encoder_of(Oracle(), tmp_path, Sorter(wrong, 5))
        with pytest.raises(ModelError, match="scores of shape"):
            search_ranks(model, QUESTIONS, QUERIES, PASSAGES, TEXTS, RIGHT)
