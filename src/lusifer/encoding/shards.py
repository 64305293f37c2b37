"""A shard's file: what makes it, how it is written and read. One process writes it as any other
would.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lusifer.encoding.cache import checked
from lusifer.encoding.rows import Corpus, Shard
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import StoreFolder
from lusifer.models import Embedder, Vectors

REJECTS, MANIFEST = "rejects.jsonl", "manifest.json"
Format = Literal["parquet", "safetensors"]


@dataclass(frozen=True)
class Settings:
    """What makes a run's output: a folder holds the run of one."""

    model: str
    prompt: str | None = None
    format: Format = "parquet"
    shard_rows: int = 16_384
    bf16: bool = False

    def __post_init__(self) -> None:
        if self.shard_rows < 1:
            raise ConfigError("shard_rows must be at least 1")
        if self.format not in ("parquet", "safetensors"):
            raise ConfigError(f"format is {self.format!r}; it must be parquet or safetensors")


def shard_name(number: int, format: str) -> str:
    """The file of a shard."""
    return f"shard-{number:05d}.{format}"


def write(
    store: StoreFolder, shard: Shard, corpus: Corpus, model: Embedder, settings: Settings
) -> None:
    """Encode a shard and put its file in place; its problems before it, so that a shard that is
    there has told all.
    """
    name = shard_name(shard.number, settings.format)
    problems = f"shard-{shard.number:05d}.{REJECTS}"
    if shard.problems:
        lines = [{"file": p.path, "line": p.line, "what": p.what} for p in shard.problems]
        store.write(
            problems,
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode(),
        )
    else:
        store.remove(problems)
    texts = [corpus.text_of(row) for row in shard.rows]
    vectors = (
        checked(model, texts, settings.prompt)
        if texts
        else np.zeros((0, model.dim), dtype=np.float32)
    )
    rows = np.arange(shard.first, shard.first + len(texts), dtype=np.int64)
    kept = {column: [row.values[column] for row in shard.rows] for column in corpus.keep}
    store.write(
        name,
        _parquet(rows, kept, vectors)
        if settings.format == "parquet"
        else _safetensors(rows, vectors),
    )


def read(content: bytes, name: str) -> tuple[Any, Vectors]:
    """The (row numbers, vectors) of a shard's file."""
    if name.endswith(".safetensors"):
        from safetensors.numpy import load

        tensors = load(content)
        return tensors["row"], tensors["vector"]
    table = _read_table(content, ["row", "vector"])
    vectors = table["vector"].combine_chunks()
    return table["row"].to_numpy(), vectors.flatten().to_numpy(zero_copy_only=False).reshape(
        len(vectors), table["vector"].type.list_size
    )


def read_column(content: bytes, name: str, column: str) -> tuple[list[str], Vectors]:
    """The values of a kept column in a Parquet shard, and its vectors. Raises LusiferError where it
    was not kept.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    known = parquet.read_schema(pyarrow.BufferReader(content)).names
    if column not in known:
        raise LusiferError(
            f"{name}: keeps no column {column!r}, but {', '.join(known)}; encode again with --keep {column}"
        )
    values: list[str] = _read_table(content, [column])[column].to_pylist()
    return values, read(content, name)[1]


def _read_table(content: bytes, columns: list[str]) -> Any:
    """Columns of a Parquet file that is in memory.

    Arrow's own buffer and no threads: a thread that still holds a Python stream when the process
    ends brings it down.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    return parquet.read_table(pyarrow.BufferReader(content), columns=columns, use_threads=False)


def _parquet(rows: Any, kept: dict[str, list[str]], vectors: Vectors) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    columns = {
        "row": pa.array(rows),
        **{name: pa.array(values, pa.string()) for name, values in kept.items()},
    }
    columns["vector"] = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.reshape(-1)), vectors.shape[1]
    )
    out = pa.BufferOutputStream()
    parquet.write_table(
        pa.table(columns), out, compression="zstd", use_dictionary=False, write_statistics=False
    )
    content: bytes = out.getvalue().to_pybytes()
    return content


def _safetensors(rows: Any, vectors: Vectors) -> bytes:
    from safetensors.numpy import save

    return save({"row": rows, "vector": np.ascontiguousarray(vectors)})
