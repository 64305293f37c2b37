"""Earlier keywords of public functions are taken, with a warning, and signatures stay their own."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import lusifer


def test_an_earlier_keyword_is_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="'dim' is called 'dimensions' now"):
        cut = lusifer.load(dim=32)  # type: ignore[call-arg]
    np.testing.assert_array_equal(
        cut.encode(["Wo ist das?"]), lusifer.load(dimensions=32).encode(["Wo ist das?"])
    )
    with pytest.raises(TypeError, match="'dim' and 'dimensions'"):
        lusifer.load(dim=32, dimensions=32)  # type: ignore[call-arg]


def test_an_index_is_asked_by_either_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The ferry leaves at six.\n", encoding="utf-8")
    index = lusifer.Index.create(tmp_path / "index")
    index.update([tmp_path / "a.txt"])
    (hit,) = index.search("Wann fährt die Fähre?", top_k=1, where=lusifer.Filter(path="*.txt"))
    assert (hit.position, hit.unit) == (1, "line")
    with pytest.warns(DeprecationWarning, match="'top' is called 'top_k' now"):
        assert index.search("Wann fährt die Fähre?", top=1) == [hit]  # type: ignore[call-arg]


def test_signatures_are_those_of_today() -> None:
    assert list(inspect.signature(lusifer.load).parameters)[:2] == ["name", "dimensions"]
    assert "min_cosine" in inspect.signature(lusifer.export).parameters
    assert "least" not in inspect.signature(lusifer.export).parameters
