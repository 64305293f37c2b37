"""Each method finds the words that it should in a matrix, and words of a sentence by its own model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import LusiferError
from lusifer.insight.align_words import align_words, aligned_by
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS

SCORES = np.array(
    [
        [0.9, 0.1, 0.2, 0.0],
        [0.2, 0.8, 0.75, 0.0],  # two parts of one word
        [0.0, 0.2, 0.1, 0.3],
    ],
    dtype=np.float32,
)


@pytest.mark.parametrize(
    ("method", "found"),
    [
        ("argmax", [(0, 0), (1, 1), (2, 3)]), ("itermax", [(0, 0), (1, 1), (1, 2), (2, 3)]), ("match", [(0, 0), (1, 1), (2, 3)]),
        ("softmax", [(0, 0), (1, 1), (1, 2), (2, 3)]),
    ],
)  # fmt: skip
def test_methods(method: str, found: list[tuple[int, int]]) -> None:
    assert aligned_by(SCORES, method) == found  # type: ignore[arg-type]
    turned = [(j, i) for i, j in aligned_by(SCORES.T.copy(), method)]  # type: ignore[arg-type]
    assert sorted(turned) == found


@pytest.mark.parametrize("method", ["argmax", "itermax", "match", "softmax"])
def test_a_sentence_is_aligned_with_itself_in_another_order(
    model: LoadedModel, method: str
) -> None:
    words = "The ferries cross river each hour".split()
    order = [3, 0, 5, 1, 4, 2]
    found = align_words(model.embedder, words, [words[i] for i in order], method=method)  # type: ignore[arg-type]
    assert set(found) >= {(order[j], j) for j in range(6)}


def test_states_of_a_transformer(model_folder: Callable[[str], Path]) -> None:
    model = lusifer.load(str(model_folder("bert")))
    found = align_words(model, TEXTS[0], TEXTS[0], layer=1)
    assert (0, 0) in found
    with pytest.raises(LusiferError, match="layer is 99; the model has layers 1 to"):
        align_words(model, TEXTS[0], TEXTS[0], layer=99)


def test_what_is_refused(model: LoadedModel) -> None:
    with pytest.raises(LusiferError, match="method is 'magic'"):
        align_words(model.embedder, "a", "b", method="magic")  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="shows no layers"):
        align_words(model.embedder, "a", "b", layer=3)
    assert align_words(model.embedder, "", "b") == []
