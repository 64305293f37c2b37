"""Texts come in many forms, and each wrong one is told of in one line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from lusifer.serving.api.inputs import Documents, Inputs, answer


class Both(BaseModel):
    input: Inputs = []
    documents: Documents = []


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("a", ["a"]),
        (["a", ""], ["a", ""]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
        ([], []),
        ("", [""]),
    ],
)
def test_inputs(given: Any, read: Any) -> None:
    assert Both(input=given).input == read


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        3,
        {"a": 1},
        ["a", 1],
        [1, "a"],
        [[1], "a"],
        [None],
        [[]],
        [[-1]],
        [[1.5]],
        [True],
        [[1 << 40]],
    ],
)
def test_wrong_inputs(wrong: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Both(input=wrong)
    assert len(caught.value.errors()) == 1


def test_documents() -> None:
    assert Both(documents=["a", {"text": "b", "id": 3}]).documents == ["a", "b"]
    for wrong in ("a", [1], [{"title": "x"}], [None]):
        with pytest.raises(ValidationError):
            Both(documents=wrong)  # type: ignore[arg-type]


def test_numbers_read_back_as_they_were() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    read = np.array(json.loads(answer({"v": vectors}).body)["v"], dtype=np.float32)
    np.testing.assert_array_equal(read, vectors)
