"""Bulk runs: a corpus of any size into shards of vectors, of which nothing is lost or doubled whenever the run is killed.

Method: the corpus is read in a fixed order and cut into shards of so many rows; a shard's file appears, whole, when all its rows are
done, so that what is there is what is finished: a run that is started again does what is missing. Batches never cross a shard, so its
vectors depend on its rows alone, and a resumed run, several workers (`engine="ray"`) and one process write the same bytes. Cost beside
the model's: reading the corpus, once more for a resumed run. Memory: one shard.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lusifer import __version__
from lusifer.data.readers import expand
from lusifer.encode.kept import checked
from lusifer.encode.place import Place
from lusifer.encode.rows import Corpus, Shard, shards
from lusifer.errors import ConfigError, LusiferError
from lusifer.models.embedder import Embedder, Vectors
from lusifer.models.load import Named

RUN, MANIFEST, REJECTS = "run.json", "manifest.json", "rejects.jsonl"
Format = Literal["parquet", "safetensors"]
Tell = Callable[[int], None]  # rows that were just finished, or found finished


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


@dataclass(frozen=True)
class Done:
    """What a finished run holds."""

    folder: str
    rows: int
    rejected: int
    dim: int
    shards: list[str]


def encode(
    files: Sequence[str] | str,
    into: str | Path,
    *,
    model: str | Path = "default",
    prompt: str | None = None,
    text: str = "text",
    keep: Sequence[str] = (),
    columns: Sequence[str] = (),
    format: Format = "parquet",
    shard_rows: int = 16_384,
    skip_bad: bool = False,
    bf16: bool = False,
    engine: Literal["local", "ray"] = "local",
    workers: int = 2,
    tell: Tell = lambda rows: None,
) -> Done:
    """Write the vectors of every row of `files` (TSV, text, JSONL, Parquet; globs; URLs) as shards into a folder or URL.

    A shard is a Parquet file (`row`, the columns to `keep`, `vector`) or a safetensors file (`row`, `vector`); `manifest.json` lists them
    once all is done. What was stopped goes on when it is called again.
    Raises DataError at a bad row (with `skip_bad` it goes to `rejects.jsonl`), LusiferError where the folder holds another run.
    """
    corpus = Corpus(tuple(expand([files] if isinstance(files, str) else files)), text, tuple(keep), tuple(columns), skip_bad)
    for file in corpus.files:
        corpus.wanted(file)
    if keep and format == "safetensors":
        raise ConfigError("safetensors holds numbers alone: it takes no columns to keep")
    settings = Settings(str(model), prompt, format, shard_rows, bf16)
    place = Place(str(into))
    with place.own():
        named = Named.load(model, bf16=bf16)
        if prompt is not None and prompt not in named.embedder.prompts:
            raise LusiferError(f"the model has no prompt {prompt!r}; its prompts: {', '.join(named.embedder.prompts) or 'none'}")
        _claim(place, settings, corpus, named)
        if MANIFEST in place.files():
            return _done(place)
        if engine == "ray":
            from lusifer.encode.ray import run

            run(corpus, settings, str(into), workers, tell)
        elif engine == "local":
            finished = set(place.files())
            for shard in shards(corpus, shard_rows):
                if shard_name(shard.number, format) not in finished:
                    write(place, shard, corpus, named.embedder, settings)
                tell(len(shard.rows))
        else:
            raise ConfigError(f"engine is {engine!r}; it must be local or ray")
        return _finish(place, named, settings)


def shard_name(number: int, format: str) -> str:
    """The file of a shard."""
    return f"shard-{number:05d}.{format}"


def write(place: Place, shard: Shard, corpus: Corpus, model: Embedder, settings: Settings) -> None:
    """Encode a shard and put its file in place; its problems before it, so that a shard that is there has told all."""
    name = shard_name(shard.number, settings.format)
    problems = f"shard-{shard.number:05d}.{REJECTS}"
    if shard.problems:
        lines = [{"file": p.path, "line": p.line, "what": p.what} for p in shard.problems]
        place.write(problems, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    else:
        place.remove(problems)
    texts = [corpus.text_of(row) for row in shard.rows]
    vectors = checked(model, texts, settings.prompt) if texts else np.zeros((0, model.dim), dtype=np.float32)
    rows = np.arange(shard.first, shard.first + len(texts), dtype=np.int64)
    kept = {column: [row.values[column] for row in shard.rows] for column in corpus.keep}
    place.write(name, _parquet(rows, kept, vectors) if settings.format == "parquet" else _safetensors(rows, vectors))


def read_vectors(folder: str | Path) -> Iterable[tuple[Any, Vectors]]:
    """The (row numbers, vectors) of a finished run, shard by shard. Raises LusiferError where the run is not finished."""
    place = Place(str(folder))
    for name in _done(place).shards:
        content = place.read(name)
        if name.endswith(".safetensors"):
            from safetensors.numpy import load

            tensors = load(content)
            yield tensors["row"], tensors["vector"]
        else:
            import pyarrow.parquet as parquet

            table = parquet.read_table(io.BytesIO(content), columns=["row", "vector"])
            vectors = table["vector"].combine_chunks()
            yield table["row"].to_numpy(), vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(vectors), -1)


def _parquet(rows: Any, kept: dict[str, list[str]], vectors: Vectors) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    columns = {"row": pa.array(rows), **{name: pa.array(values, pa.string()) for name, values in kept.items()}}
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out, compression="zstd", use_dictionary=False, write_statistics=False)
    return out.getvalue()


def _safetensors(rows: Any, vectors: Vectors) -> bytes:
    from safetensors.numpy import save

    return save({"row": rows, "vector": np.ascontiguousarray(vectors)})


def _claim(place: Place, settings: Settings, corpus: Corpus, named: Named) -> None:
    """Write down what this run is, or check that the one begun here is the same."""
    run = {
        "lusifer": __version__,
        "model": named.name,
        "hash": named.hash,
        "prompt": settings.prompt,
        "format": settings.format,
        "shard_rows": settings.shard_rows,
        "bf16": settings.bf16,
        "text": corpus.text,
        "keep": list(corpus.keep),
        "columns": list(corpus.columns),
        "skip_bad": corpus.skip_bad,
        "files": [{"name": file, "bytes": _size(file)} for file in corpus.files],
    }
    if RUN in place.files():
        before = place.read_json(RUN)
        changed = [key for key in run if key != "lusifer" and before.get(key) != run[key]]
        if changed:
            raise LusiferError(f"{place}: holds a run with another {changed[0]}; name another folder, or delete it")
        return
    if any(name.startswith("shard-") for name in place.files()):
        raise LusiferError(f"{place}: holds shards of no run of ours; name another folder")
    place.write(RUN, (json.dumps(run, indent=2, ensure_ascii=False) + "\n").encode())


def _size(file: str) -> int | None:
    """Bytes of a local file: a corpus that has changed under a run is told."""
    return Path(file).stat().st_size if "://" not in file else None


def _finish(place: Place, named: Named, settings: Settings) -> Done:
    """Put the rejects together and write the manifest."""
    names = [name for name in place.files() if name.startswith("shard-") and name.endswith(settings.format)]
    rejects = b"".join(place.read(name) for name in place.files() if name.startswith("shard-") and name.endswith(REJECTS))
    if rejects:
        place.write(REJECTS, rejects)
    entries, rows = [], 0
    for name in names:
        content = place.read(name)
        count = _count(content, settings.format)
        entries.append({"file": name, "rows": count, "first": rows, "sha256": hashlib.sha256(content).hexdigest()})
        rows += count
    manifest = {"rows": rows, "rejected": rejects.count(b"\n"), "dim": named.embedder.dim, "hash": named.hash, "shards": entries}
    place.write(MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    for name in place.files():
        if name.startswith("shard-") and name.endswith(REJECTS):
            place.remove(name)
    return _done(place)


def _count(content: bytes, format: str) -> int:
    if format == "parquet":
        import pyarrow.parquet as parquet

        return int(parquet.read_metadata(io.BytesIO(content)).num_rows)
    from safetensors.numpy import load

    return len(load(content)["row"])


def _done(place: Place) -> Done:
    if MANIFEST not in place.files():
        raise LusiferError(f"{place}: holds no finished run (no {MANIFEST}); run the same command again to finish it")
    manifest = place.read_json(MANIFEST)
    return Done(str(place), manifest["rows"], manifest["rejected"], manifest["dim"], [shard["file"] for shard in manifest["shards"]])
