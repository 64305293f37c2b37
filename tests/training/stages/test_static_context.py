"""Layers over a static table: they start as the table, see order once trained, and their ONNX file
says what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import ConfigError, LusiferError
from lusifer.models.backends.static import load_static
from lusifer.training.run import train
from tests.conftest import TEXTS, make_table
from tests.training.recipes import recipe


def test_the_stage_trains_layers_and_leaves_the_table(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    folder = train(recipe("static context", texts, model_folder))
    model, static = lusifer.load(folder), load_static(texts / "table" / "model")
    cosines = (model.encode(TEXTS) * static.encode(TEXTS)).sum(1)
    assert cosines.max() < 0.9999, "the layers have learnt"
    assert cosines.min() > 0.3, "and started at the table"


def test_what_does_not_fit_the_table_is_told(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    file = recipe("static context", texts, model_folder)
    for change, message in (
        (["shape.heads=3"], "must divide by twice that"),
        (["nested=[16]"], "between 1 and dim - 1, 15"),
    ):
        with pytest.raises(ConfigError, match=message):
            train(file, change)
    train(file, [f"output={texts / 'out'}"])
    make_table(texts / "table", seed=1)
    with pytest.raises(LusiferError, match="begun over another table"):
        train(file, [f"output={texts / 'out'}"])
    with pytest.raises(LusiferError, match="of which the first may be kept"):
        lusifer.load(texts / "out" / "model", dimensions=80)


def test_vectors_may_be_in_the_teachers_space(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    teacher = model_folder("bert")
    change = [
        "train_table=true",
        "space=teacher",
        f"teacher={{base: {teacher}}}",
        f"output={texts / 'in-space'}",
    ]
    folder = train(recipe("static context", texts, model_folder), change)
    assert lusifer.load(folder).dim == lusifer.load(teacher).dim
    with pytest.raises(ConfigError, match="wants a teacher"):
        train(recipe("static context", texts, model_folder), ["space=teacher", "teacher=null"])
    with pytest.raises(ConfigError, match="a power from 0"):
        train(recipe("static context", texts, model_folder), ["whiten=2"])
    turned = train(
        recipe("static context", texts, model_folder), ["whiten=0.5", f"output={texts / 'turned'}"]
    )
    assert np.isfinite(lusifer.load(turned).encode(TEXTS)).all()
