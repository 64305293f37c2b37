"""An index's passages as one Parquet file, with their vectors: for other tools, or another index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lusifer.io import replacing_file
from lusifer.search.query import Searchable
from lusifer.search.table import table_errors

COLUMNS = ("path", "number", "position", "unit", "language", "modified", "text", "vector")
BATCH = 8192


def write_parquet(index: Searchable, file: str | Path) -> int:
    """Write all passages and return how many there are; the file appears when it is whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    with table_errors(index.uri), replacing_file(file) as stream:
        index.rows.checkout_latest()
        stored = index.rows.schema
        fields = [stored.field(name) for name in COLUMNS]
        # Half precision is read by few; the vectors become whole floats.
        fields[-1] = pa.field("vector", pa.list_(pa.float32(), index.embedder.dim))
        schema = pa.schema(fields, metadata=stored.metadata)
        batches: Any = index.rows.search().select([*COLUMNS]).to_batches(batch_size=BATCH)
        with pq.ParquetWriter(stream, schema) as writer:
            for batch in batches:
                writer.write_table(pa.Table.from_batches([batch]).select(COLUMNS).cast(schema))
                count += batch.num_rows
    return count
