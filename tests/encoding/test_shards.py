"""A shard's file: what was written is read, its problems lie before it, and it tells what it keeps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import lusifer
from lusifer.data.formats import Problem, Row
from lusifer.encoding.rows import Corpus, Shard
from lusifer.encoding.shards import Format, Settings, read, read_column, shard_name, write
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import StoreFolder

SAID = ["The ferry leaves.", "Die Fähre fährt.", "フェリーが出る。", "تغادر العبّارة."]
ROWS = [Row("a.jsonl", i + 1, {"id": f"nº{i}", "text": text}) for i, text in enumerate(SAID)]
CORPUS = Corpus(("a.jsonl",), keep=("id",))


@pytest.mark.parametrize("format", ["parquet", "safetensors"])
def test_what_was_written_is_read_and_twice_the_same_bytes(
    format: Format, table: Path, tmp_path: Path
) -> None:
    model, store = lusifer.load(table), StoreFolder(str(tmp_path / "out"))
    settings, name = Settings("m", format=format), shard_name(7, format)
    contents = []
    for _ in range(2):
        write(store, Shard(7, 700, ROWS), CORPUS, model, settings)
        contents.append(store.read(name))
    assert contents[0] == contents[1]
    rows, vectors = read(contents[0], name)
    np.testing.assert_array_equal(rows, np.arange(700, 704))
    np.testing.assert_array_equal(vectors, model.encode(SAID))
    assert store.files() == [f"shard-00007.{format}"]


def test_a_kept_column_comes_back_beside_its_vectors_and_one_that_is_not_is_told(
    table: Path, tmp_path: Path
) -> None:
    model, store = lusifer.load(table), StoreFolder(str(tmp_path / "out"))
    write(store, Shard(0, 0, ROWS), CORPUS, model, Settings("m"))
    content = store.read("shard-00000.parquet")
    values, vectors = read_column(content, "shard-00000.parquet", "id")
    assert values == ["nº0", "nº1", "nº2", "nº3"]
    np.testing.assert_array_equal(vectors, model.encode(SAID))
    with pytest.raises(
        LusiferError, match="keeps no column 'title', but row, id, vector; encode again with --keep"
    ):
        read_column(content, "shard-00000.parquet", "title")
    plain = parquet.read_table(pa.BufferReader(content))
    assert plain.column_names == ["row", "id", "vector"], "any reader of Parquet takes it"
    assert plain.schema.field("vector").type == pa.list_(pa.float32(), 16)


@pytest.mark.parametrize("format", ["parquet", "safetensors"])
def test_a_shard_of_problems_alone_is_empty_and_tells_them(
    format: Format, table: Path, tmp_path: Path
) -> None:
    model, store = lusifer.load(table), StoreFolder(str(tmp_path / "out"))
    problems = [Problem("a.jsonl", 3, "a row without text"), Problem("ä.jsonl", None, "no JSON")]
    write(store, Shard(0, 0, [], problems), CORPUS, model, Settings("m", format=format))
    rows, vectors = read(store.read(shard_name(0, format)), shard_name(0, format))
    assert (rows.shape, vectors.shape) == ((0,), (0, 16))
    assert vectors.dtype == np.float32
    lines = store.read("shard-00000.rejects.jsonl").decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"file": "a.jsonl", "line": 3, "what": "a row without text"},
        {"file": "ä.jsonl", "line": None, "what": "no JSON"},
    ]
    write(store, Shard(0, 0, ROWS), CORPUS, model, Settings("m", format=format))
    assert store.files() == [shard_name(0, format)], "what is no longer wrong is not told"


def test_a_wrong_setting_is_told() -> None:
    with pytest.raises(ConfigError, match="shard_rows must be at least 1"):
        Settings("m", shard_rows=0)
    with pytest.raises(ConfigError, match="format is 'csv'; it must be parquet or safetensors"):
        Settings("m", format="csv")  # type: ignore[arg-type]
