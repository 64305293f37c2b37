"""No change of the code moves the vectors of a model that somebody has made an index with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.models.golden import FILE, vectors


@pytest.fixture(scope="module")
def found() -> dict[str, list[list[float]]]:
    return vectors()


GOLDEN: dict[str, list[list[float]]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", list(GOLDEN))
def test_vectors_are_those_written_down(kind: str, found: dict[str, list[list[float]]]) -> None:
    # Packed weights make long sums, which round by the processor; what is on the edge between two
    # levels of int8 falls to either side.
    tolerance = 4e-3 if kind == "default" else 2e-3 if kind.startswith("models/") else 2e-4
    np.testing.assert_allclose(found[kind], GOLDEN[kind], atol=tolerance)


def test_every_kind_is_written_down(found: dict[str, list[list[float]]]) -> None:
    assert list(found) == list(GOLDEN), "a new kind: `make snapshots`"
