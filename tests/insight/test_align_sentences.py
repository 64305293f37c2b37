"""The cheapest way is found: by a naive program over every way in short documents, and in long ones
within a band; sentences that were joined, cut, left out or put in are told.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.insight.align_sentences import STEPS, _everywhere, _Way, align_sentences, align_vectors
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def document(n: int, seed: int = 0, dim: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def stretches(sentences: np.ndarray) -> list[np.ndarray]:
    """As a model that means its sentences: the sum of a stretch's."""
    return [
        unit(
            np.stack(
                [sentences[max(0, i - size + 1) : i + 1].sum(0) for i in range(len(sentences))]
            )
        )
        for size in range(1, 5)
    ]


def cost_of(way: list[tuple[int, int, int, int]], program: _Way) -> float:
    return sum(
        float(program._cost(i + a, a, np.array([j + b]), b)[0])
        if a and b
        else program.skip * (a + b)
        for i, a, j, b in way
    )


def naive(program: _Way, n: int, m: int) -> float:
    best = np.full((n + 1, m + 1), np.inf)
    best[0, 0] = 0
    for i in range(n + 1):
        for j in range(m + 1):
            options = [best[i - 1, j] + program.skip] if i else []
            options += [best[i, j - 1] + program.skip] if j else []
            for a, b in STEPS:
                if i >= a and j >= b:
                    options.append(
                        best[i - a, j - b] + float(program._cost(i, a, np.array([j]), b)[0])
                    )
            if options:
                best[i, j] = min(options)
    return float(best[n, m])


@pytest.mark.parametrize("seed", range(5))
def test_no_way_is_cheaper(seed: int) -> None:
    """Also where nothing fits."""
    x, y = stretches(document(9, seed)), stretches(document(7, seed + 100))
    program = _Way(x, y, STEPS, 0.5, 0)
    way = program.find(*_everywhere(9, 7))
    assert cost_of(way, program) == pytest.approx(naive(program, 9, 7))
    covered = [(i + k, "x") for i, a, _, _ in way for k in range(a)] + [
        (j + k, "y") for _, _, j, b in way for k in range(b)
    ]
    assert sorted(covered) == sorted([(i, "x") for i in range(9)] + [(j, "y") for j in range(7)])


def test_joined_cut_left_out_and_put_in() -> None:
    x = document(12)
    y = np.stack(
        [x[0], x[1] + x[2], x[3], x[5], x[6] * 0.5 + x[7] * 0, x[7], *document(1, seed=9), *x[8:]]
    )
    noise = 0.1 * document(len(y), seed=5)
    way = align_vectors(stretches(x), stretches(y + noise))
    steps = {(tuple(range(i, i + a)), tuple(range(j, j + b))) for i, a, j, b in way}
    assert ((1, 2), (1,)) in steps
    assert ((4,), ()) in steps
    assert ((), (6,)) in steps
    assert {((0,), (0,)), ((3,), (2,)), ((5,), (3,)), ((8,), (7,)), ((11,), (10,))} <= steps


def test_a_long_document_gets_the_way_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a band around a coarse way the same is found as everywhere, with long passages left out."""
    x = document(700)
    keep = np.r_[0:200, 215:480, 480:700]
    y = np.concatenate([x[keep][:300], document(20, seed=3), x[keep][300:]])
    y = y + 0.3 * document(len(y), seed=4)
    sides = stretches(x), stretches(y)
    banded = align_vectors(*sides)
    module = importlib.import_module("lusifer.insight.align_sentences")  # its function has its name
    monkeypatch.setattr(module, "WHOLE", 10_000)
    assert banded == align_vectors(*sides)
    right = sum(
        a == b == 1 and (keep[j if j < 300 else j - 20] == i if not 300 <= j < 320 else False)
        for i, a, j, b in banded
    )
    assert right > 640


def test_texts_and_their_model(model: LoadedModel) -> None:
    found = align_sentences(model.embedder, TEXTS[:8], [*TEXTS[:3], *TEXTS[4:8]])
    pairs = {(one.first, one.second) for one in found}
    assert ((0, 1), (0, 1)) in pairs
    assert ((7, 8), (6, 7)) in pairs
    assert all(
        one.cosine == pytest.approx(1, abs=1e-3)
        for one in found
        if one.second[1] > one.second[0] and one.first[1] - one.first[0] == 1
    )
    assert sum(one.first[1] - one.first[0] for one in found) == 8


def test_empty_sides_and_wrong_settings(model: LoadedModel) -> None:
    assert align_sentences(model.embedder, [], []) == []
    assert [one.second for one in align_sentences(model.embedder, [], TEXTS[:2])] == [
        (0, 1),
        (1, 2),
    ]
    assert [one.first for one in align_sentences(model.embedder, TEXTS[:2], [])] == [(0, 1), (1, 2)]
    assert len(align_sentences(model.embedder, TEXTS[:1], TEXTS[:1])) == 1
    for skip in (0.0, 1.0):
        with pytest.raises(LusiferError, match="skip"):
            align_sentences(model.embedder, TEXTS, TEXTS, skip=skip)
