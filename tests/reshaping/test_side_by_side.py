"""Bridges written as one model: their weighted sum, whatever they were called and pooled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.errors import ModelError
from lusifer.reshaping.side_by_side import side_by_side
from tests.conftest import TEXTS
from tests.models.bridge.test_module import PROMPTS, make

Folder = Callable[[str], Path]
SAID = [*TEXTS[:5], "駅はどこですか。", "أين السوق؟", ""]


def three(model_folder: Folder) -> list[Any]:
    """Bridges of the same two bases."""
    kinds = ("mlp", "linear", "words")
    return [make(model_folder, "bert", "bert", "frozen", kind=kind) for kind in kinds]


@pytest.mark.parametrize("weights", [(), (1.0, 2.0, 5.0)])
def test_a_vector_is_the_weighted_sum_of_the_bridges(
    weights: tuple[float, ...], model_folder: Folder, tmp_path: Path
) -> None:
    models = three(model_folder)
    due = {name: [model.encode(SAID, prompt_name=name) for model in models] for name in PROMPTS}
    shares = np.array(weights or (1.0, 1.0, 1.0)) / (sum(weights) or 3)
    found = side_by_side(["a", "b", "c"], models, tmp_path / "all", weights)
    assert found == {"weights": [round(float(share), 6) for share in shares]}
    made = lusifer.load(tmp_path / "all")
    assert dict(made.prompts) == PROMPTS
    for name, vectors in due.items():
        joined = np.tensordot(shares, np.stack(vectors), 1)
        joined /= np.linalg.norm(joined, axis=1, keepdims=True)
        np.testing.assert_allclose(made.encode(SAID, prompt=name), joined, atol=2e-5)
    np.testing.assert_allclose(made.encode(SAID), made.encode(SAID, prompt="document"), atol=1e-6)


def test_what_does_not_go_together_is_told_and_nothing_is_written(
    model_folder: Folder, tmp_path: Path
) -> None:
    first, second, _ = three(model_folder)
    plain = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    with pytest.raises(
        ModelError, match=r"^plain: is no bridge; only bridges are put side by side"
    ):
        side_by_side(["first", "plain"], [first, plain], tmp_path / "all", ())
    second[1].pooling_mode = "cls"
    with pytest.raises(ModelError, match="the bridges pool differently: cls, mean"):
        side_by_side(["first", "second"], [first, second], tmp_path / "all", ())
    assert not list(tmp_path.iterdir())
