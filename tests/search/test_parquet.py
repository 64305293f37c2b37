"""An index as Parquet: every passage with its vector; a full disk leaves what was there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from lusifer.models.load import LoadedModel
from lusifer.search.index import Index


def test_all_passages_and_their_vectors(model: LoadedModel, notes: Path, tmp_path: Path) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update(notes)
    assert index.export(tmp_path / "all.parquet") == len(index)
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column_names == [
        "path",
        "number",
        "position",
        "unit",
        "language",
        "modified",
        "text",
        "vector",
    ]
    texts = table["text"].to_pylist()
    vectors = np.array(table["vector"].to_pylist(), dtype=np.float32)
    np.testing.assert_allclose(vectors, model.embedder.encode(texts), atol=2e-3)
    empty = Index.create(tmp_path / "empty", model)
    assert empty.export(tmp_path / "none.parquet") == 0
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0
