"""Bulk runs: a corpus of any size into shards of vectors, of which nothing is lost or doubled
whenever the run is killed.

Method: the corpus is read in a fixed order and cut into shards of so many rows; a shard's file
appears, whole, when all its rows are done, so that what is there is what is finished: a run that is
started again does what is missing. Batches never cross a shard, so its vectors depend on its rows
alone, and a resumed run, several workers (`engine="ray"`) and one process write the same bytes.
Cost beside the model's: reading the corpus, once more for a resumed run. Memory: one shard.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lusifer.encoding.check import damaged_shards
from lusifer.encoding.rows import Corpus, shards
from lusifer.encoding.shards import (
    MANIFEST,
    REJECTS,
    Format,
    Settings,
    read,
    read_column,
    shard_name,
    write,
)
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import StoreFolder, expand, named as names_of, open_store, sha256
from lusifer.models import LoadedModel, Vectors, counted
from lusifer.renamed import renamed
from lusifer.version import __version__

RUN = "run.json"
log = logging.getLogger(__name__)
Tell = Callable[
    [int, int], None
]  # rows that were just finished, or found finished, and tokens that were just embedded


@dataclass(frozen=True)
class EncodedCorpus:
    """What a finished run holds."""

    folder: str
    rows: int
    rejected: int
    dim: int
    shards: list[str]


def silent(rows: int, tokens: int) -> None:
    """Report nothing: the default of `encode`."""


@renamed(text="column")
def encode(
    files: Sequence[str] | str,
    into: str | Path,
    *,
    model: str | Path = "default",
    prompt: str | None = None,
    column: str = "text",
    keep: Sequence[str] = (),
    columns: Sequence[str] = (),
    format: Format = "parquet",
    shard_rows: int = 16_384,
    skip_bad: bool = False,
    bf16: bool = False,
    engine: Literal["local", "ray"] = "local",
    workers: int = 2,
    tell: Tell = silent,
) -> EncodedCorpus:
    """Write the vectors of every row of many files as shards. What was stopped goes on when it is
    called again.

    Shards that are there are compared with the manifest's hashes, or read where there is none yet;
    a damaged one is made anew.

    A shard is a Parquet file (`row`, the columns to `keep`, `vector`) or a safetensors file (`row`,
    `vector`); `manifest.json` lists them once all is done.

    Args:
        files: TSV, text, JSONL or Parquet files, globs or URLs.
        into: a folder or an object store's URL.
        model: as for `load`.
        prompt: the name of one of the model's prompts.
        column: the one that holds the text.
        keep: columns to keep beside the vector.
        columns: the columns of a TSV in order, `_` for one that is not used.
        format: `parquet` or `safetensors`.
        shard_rows: rows of a shard, which an interrupted run loses at most.
        skip_bad: put a bad row into `rejects.jsonl` and go on.
        bf16: compute in bfloat16.
        engine: `local`, or `ray` for many machines.
        workers: of Ray.
        tell: gets the rows and tokens of each shard that is done.

    Returns:
        What was made: folder, rows, rejected rows, size of a vector, names of the shards.

    Raises:
        DataError: at a bad row, unless `skip_bad`.
        LusiferError: where the folder holds another run, or the model has no such prompt.
    """
    corpus = Corpus(
        tuple(expand(files)),
        column,
        tuple(names_of(keep)),
        tuple(names_of(columns)),
        skip_bad,
    )
    for file in corpus.files:
        corpus.wanted(file)
    if keep and format == "safetensors":
        raise ConfigError("safetensors holds numbers alone: it takes no columns to keep")
    if engine not in ("local", "ray"):
        raise ConfigError(f"engine is {engine!r}; it must be local or ray")
    if workers < 1:
        raise ConfigError(f"workers is {workers}; it must be 1 or more")
    store = StoreFolder(str(into))
    Settings(str(model), prompt, format, shard_rows, bf16)  # told before a model is loaded
    with store.own(RUN):
        named = LoadedModel.load(model, bf16=bf16)
        settings = Settings(named.name, prompt, format, shard_rows, bf16)
        if prompt is not None and prompt not in named.embedder.prompts:
            raise LusiferError(
                f"the model has no prompt {prompt!r}; its prompts: {', '.join(named.embedder.prompts) or 'none'}"
            )
        _claim(store, settings, corpus, named)
        wrong = damaged_shards(store, format)
        if MANIFEST in store.files() and not wrong:
            _sweep(store)
            return _done(store)
        for name in wrong:
            log.warning("%s/%s is missing or damaged; it is made anew", store, name)
            store.remove(name)
        store.remove(MANIFEST)
        if engine == "ray":
            from lusifer.encoding.ray import run

            run(
                corpus,
                settings,
                str(into) if "://" in str(into) else str(Path(into).resolve()),
                workers,
                tell,
            )
        else:
            finished = set(store.files())
            for shard in shards(corpus, shard_rows):
                with counted() as count:
                    if shard_name(shard.number, format) not in finished:
                        write(store, shard, corpus, named.embedder, settings)
                tell(len(shard.rows), count.tokens)
        return _finish(store, named, settings)


def read_vectors(folder: str | Path) -> Iterable[tuple[Any, Vectors]]:
    """The vectors of a finished run of `encode`, shard by shard.

    Args:
        folder: what `encode` wrote into.

    Returns:
        (row numbers (n,), vectors (n, dim)) of each shard.

    Raises:
        LusiferError: where the run is not finished, or a shard is missing or damaged.
    """
    import pyarrow
    from safetensors import SafetensorError

    store = StoreFolder(str(folder))
    for name in _done(store).shards:
        try:
            shard = read(store.read(name), name)
        except (OSError, pyarrow.ArrowInvalid, SafetensorError, KeyError) as error:
            raise LusiferError(
                f"{store}/{name}: is missing or damaged ({str(error).splitlines()[0][:120]}); "
                "run the same command again to make it anew"
            ) from None
        yield shard


def read_shards(folder: str | Path, column: str) -> Iterable[tuple[int, list[str], Vectors]]:
    """The finished shards of a run, which may still go on: (number, the column's values, vectors
    (n, dim)), from the first until one lacks.

    Args:
        folder: where `lusifer encode` writes, with the format Parquet.
        column: one that the run keeps beside its vectors.

    Raises:
        LusiferError: where there is no such shard, or the column was not kept.
    """
    there, number = set[str](), 0
    if (
        "://" in str(folder) or Path(folder).is_dir()
    ):  # a folder that is not there is not made by looking for it
        store = StoreFolder(str(folder))
        there = set(store.files())
    while (name := shard_name(number, "parquet")) in there:
        yield number, *read_column(store.read(name), name, column)
        number += 1
    if not number:
        raise LusiferError(
            f"{folder}: holds no {name}; make it with: lusifer encode … --keep {column} --into {folder}"
        )


def _claim(store: StoreFolder, settings: Settings, corpus: Corpus, named: LoadedModel) -> None:
    """Write down what this run is, or check that the one begun here is the same."""
    run: dict[str, Any] = {
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
        "files": [{"name": file, "state": _state(file)} for file in corpus.files],
    }
    written = any(name.startswith("shard-") or name == MANIFEST for name in store.files())
    if RUN in store.files():
        before = store.read_json(RUN)
        if named.is_that(str(before.get("hash"))):
            before["hash"] = named.hash  # runs begun before knew the model by its weights alone
        before["files"] = _as_hashed(before.get("files", []))
        changed = [key for key in run if key != "lusifer" and before.get(key) != run[key]]
        if changed == ["files"] and written:
            raise LusiferError(_other_files(store, before["files"], run["files"]))
        if changed == ["skip_bad"] and corpus.skip_bad and MANIFEST not in store.files():
            changed = []  # what a strict run has finished had nothing to set aside
        elif not changed:
            return
        if changed and written:
            raise LusiferError(
                f"{store}: holds a run with another {changed[0]}; name another folder, or delete it"
            )
    elif written:
        raise LusiferError(f"{store}: holds shards of no run of ours; name another folder")
    store.write(RUN, (json.dumps(run, indent=2, ensure_ascii=False) + "\n").encode())


def _other_files(
    store: StoreFolder, before: list[dict[str, Any]], now: list[dict[str, Any]]
) -> str:
    """What is said where a run's files are not those that it was begun with."""
    names = [[str(file["name"]) for file in files] for files in (before, now)]
    if names[0] != names[1]:
        other = sorted({*names[0]} ^ {*names[1]})
        which = f"other files ({', '.join(other[:3]) or 'in another order'})"
    else:
        other = [a["name"] for a, b in zip(before, now, strict=True) if a != b]
        which = f"other content of {', '.join(other[:3])}"
    return f"{store}: holds a run of {which}; name another folder, or delete it"


def _as_hashed(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files of a run that knew them by size and time, known by their content where these are
    still the same.
    """
    found = []
    for file in files:
        name, state = str(file.get("name")), file.get("state")
        if isinstance(state, list) and len(state) == 2 and isinstance(state[1], int):
            there = Path(name).stat() if Path(name).is_file() else None
            if there and state == [there.st_size, there.st_mtime_ns]:
                file = {**file, "state": _state(name)}
        found.append(file)
    return found


def _state(file: str) -> list[Any]:
    """Size and hash, or what a store knows of an object: a corpus that has changed under a run is
    told, and one that was only copied or fetched anew goes on.
    """
    if file.startswith("hf://"):
        return []
    if "://" not in file:
        return [Path(file).stat().st_size, sha256(file)]
    store, path = open_store(file)
    info = store.info(path)
    return [
        info.get("size"),
        str(
            next(
                (
                    info[key]
                    for key in ("ETag", "etag", "LastModified", "mtime", "created")
                    if info.get(key)
                ),
                "",
            )
        ),
    ]


def _finish(store: StoreFolder, named: LoadedModel, settings: Settings) -> EncodedCorpus:
    """Put the rejects together and write the manifest."""
    names = [
        name
        for name in store.files()
        if name.startswith("shard-") and name.endswith(f".{settings.format}")
    ]
    names.sort(key=lambda name: int(name[len("shard-") : -len(settings.format) - 1]))
    rejects = b"".join(
        store.read(name)
        for name in store.files()
        if name.startswith("shard-") and name.endswith(REJECTS)
    )
    if rejects:
        store.write(REJECTS, rejects)
    entries, rows = [], 0
    for name in names:
        content = store.read(name)
        count = len(read(content, name)[0])
        entries.append(
            {
                "file": name,
                "rows": count,
                "first": rows,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        rows += count
    manifest = {
        "rows": rows,
        "rejected": rejects.count(b"\n"),
        "dim": named.embedder.dim,
        "hash": named.hash,
        "shards": entries,
    }
    store.write(MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    _sweep(store)
    return _done(store)


def _sweep(store: StoreFolder) -> None:
    """Take away the parts that the rejects were put together from."""
    for name in store.files():
        if name.startswith("shard-") and name.endswith(REJECTS):
            store.remove(name)


def _done(store: StoreFolder) -> EncodedCorpus:
    if MANIFEST not in store.files():
        raise LusiferError(
            f"{store}: holds no finished run (no {MANIFEST}); run the same command again to finish it"
        )
    manifest = store.read_json(MANIFEST)
    try:
        return EncodedCorpus(
            str(store),
            manifest["rows"],
            manifest["rejected"],
            manifest["dim"],
            [shard["file"] for shard in manifest["shards"]],
        )
    except (KeyError, TypeError) as error:
        raise LusiferError(
            f"{store}/{MANIFEST}: is no manifest of ours (no {error}); name another folder"
        ) from None
