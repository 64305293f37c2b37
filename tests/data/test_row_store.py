"""Rows on disk are the rows that were written."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lusifer.data.row_store import KeySets, RowStore


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=40),
    st.integers(1, 9),
)
def test_rows_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("store") / "rows"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lusifer.data.row_store.CHUNK", chunk)
        made = RowStore.write(folder, ((row, [float(i), 0.5]) for i, row in enumerate(rows)), 2)
    assert made[:] == rows
    assert len(made) == len(rows)
    assert [made.beside(i).tolist() for i in range(len(rows))] == [
        [i, 0.5] for i in range(len(rows))
    ]
    sets = KeySets(made)
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            assert sets[i].isdisjoint(sets[j]) == set(a).isdisjoint(b)
    copy = pickle.loads(pickle.dumps(made))
    assert copy[len(rows) - 1] == rows[-1]
    with pytest.raises(IndexError):
        made[len(rows)]


def test_a_store_is_written_anew_and_may_be_empty_or_without_numbers(tmp_path: Path) -> None:
    RowStore.write(tmp_path / "rows", [(("a", "b"), [1.0])], 2)
    made = RowStore.write(tmp_path / "rows", [(("c", "d"), [])], 2)
    assert made[0] == ("c", "d")
    assert made.numbers is None
    assert made.beside(0).shape == (0,)
    assert made.columns == 2
    assert len(RowStore.write(tmp_path / "rows", [], 2)) == 0
    assert np.array(KeySets(made, 1)[0:1]).shape == (1,)
