"""Parquet files, row by row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from lusifer.data.formats import Problem
from lusifer.data.sections import sections
from tests.data.test_sections import read


def test_parquet_is_read_by_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"n": [1, 2], "text": ["one", None], "more": ["two", "three"]}),
        tmp_path / "a.parquet",
    )
    assert read(tmp_path / "a.parquet") == [("one\ntwo", 1, "row"), ("three", 2, "row")]


@pytest.mark.parametrize("kind", ["plain", "large", "dictionary", "view"])
def test_a_column_of_text_is_read_however_it_is_kept(kind: str, tmp_path: Path) -> None:
    texts = pa.array(["Une gare.", "Une gare.", "駅"])
    column = {
        "plain": texts,
        "large": texts.cast(pa.large_string()),
        "dictionary": texts.dictionary_encode(),
        "view": texts.cast(pa.string_view()),
    }[kind]
    parquet.write_table(pa.table({"text": column, "n": [1, 2, 3]}), tmp_path / "a.parquet")
    found = [s.text for s in sections(tmp_path / "a.parquet") if not isinstance(s, Problem)]
    assert found == ["Une gare.", "Une gare.", "駅"]
