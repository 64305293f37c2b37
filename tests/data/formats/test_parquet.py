"""Parquet files, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data.sections import sections


def read(path: Path) -> list[tuple[str, int, str]]:
    return [(s.text, s.position, s.unit) for s in sections(path)]


def test_parquet_is_read_by_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"n": [1, 2], "text": ["one", None], "more": ["two", "three"]}),
        tmp_path / "a.parquet",
    )
    assert read(tmp_path / "a.parquet") == [("one\ntwo", 1, "row"), ("three", 2, "row")]
