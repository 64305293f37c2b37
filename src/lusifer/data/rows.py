"""Rows out of TSV, JSONL, Parquet and plain text files, compressed or not, and hub data sets:
streamed, with line numbers.

`read_rows` stops at the first bad line with a `DataError` that names file, line and what would be
right; `scan_rows` yields the bad lines as `Problem`s beside the good ones, for `lusifer data
validate`.
"""

from __future__ import annotations

import codecs
import gzip
import json
import lzma
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lusifer.errors import DataError, LusiferError, MissingExtra
from lusifer.io.streams import COMPRESSIONS, open_bytes, open_raw

FORMATS = (".tsv", ".txt", ".jsonl", ".parquet")
MAX_LINE = 64 << 20  # bytes; a longer line is taken for a file that is not text


@dataclass(frozen=True)
class Row:
    """One record: its place and its columns, by name."""

    path: str
    line: int
    values: dict[str, str]


@dataclass(frozen=True)
class Problem:
    """One bad line; `ends`: nothing after it can be read."""

    path: str
    line: int | None
    what: str
    ends: bool = False


def read_rows(path: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Rows of one file. `columns` names a headerless TSV's columns in order ('_' skips one) or the
    keys wanted.

    Raises DataError at the first line that cannot be read as asked.
    """
    empty = True
    for item in scan_rows(path, columns):
        if isinstance(item, Problem):
            raise DataError(item.path, item.line, item.what)
        empty = False
        yield item
    if empty:
        raise DataError(path, None, "the file is empty")


def scan_rows(
    path: str, columns: Sequence[str] | None = None, numbers: Sequence[str] = ()
) -> Iterator[Row | Problem]:
    """Rows and problems of one file, in order; see `read_rows`. Columns named in `numbers` may hold
    numbers or nothing, as text then.
    """
    if path.startswith("hf://"):
        yield from _hub(path, columns)
        return
    kind = file_format(path)
    try:
        if kind == ".parquet":
            yield from _parquet(path, columns, numbers)
        elif kind == ".jsonl":
            yield from _jsonl(path, columns, numbers)
        else:
            yield from (
                _tsv(path, columns, whole=False)
                if kind == ".tsv"
                else _tsv(path, ["text"], whole=True)
            )
    except FileNotFoundError:
        yield Problem(path, None, "no such file", ends=True)
    except IsADirectoryError:
        yield Problem(path, None, "is a folder, not a file", ends=True)
    except PermissionError:
        yield Problem(path, None, "may not be read (permission denied)", ends=True)


def file_format(path: str) -> str:
    """The format that a name's ending tells, compression taken off. Raises DataError for an unknown
    ending.
    """
    suffixes = Path(path).suffixes
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes = suffixes[:-1]
    if not suffixes or suffixes[-1] not in FORMATS:
        raise DataError(
            path,
            None,
            f"unknown format; the endings are {', '.join(FORMATS)}, plain or {', '.join(COMPRESSIONS)}",
        )
    return suffixes[-1]


def scan_lines(path: str) -> Iterator[tuple[int, str] | Problem]:
    """(number, text) of a text file's lines, compressed or not; what cannot be read as a problem."""
    number = 0
    try:
        with open_bytes(path) as stream:
            while raw := stream.readline(MAX_LINE):
                number += 1
                if number == 1 and raw.startswith(codecs.BOM_UTF8):
                    raw = raw[3:]
                if b"\0" in raw or len(raw) >= MAX_LINE:
                    yield Problem(path, number, "binary data, not UTF-8 text", ends=True)
                    return
                try:
                    text = raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    yield Problem(
                        path,
                        number,
                        f"not UTF-8 (byte {error.start + 1} of the line); convert the file, e.g. with iconv",
                    )
                    continue
                yield number, text.rstrip("\r\n")
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
        yield Problem(
            path, number + 1, f"the compressed file is damaged or cut short ({error})", ends=True
        )
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        yield Problem(
            path, number + 1, f"the compressed file is damaged or cut short ({error})", ends=True
        )


def _tsv(path: str, columns: Sequence[str] | None, *, whole: bool) -> Iterator[Row | Problem]:
    if not columns:
        raise LusiferError(
            f"{path}: a TSV has no header; name its columns in order, e.g. columns: [lang, english, text]"
        )
    for item in scan_lines(path):
        if isinstance(item, Problem):
            yield item
            continue
        number, text = item
        cells = [text] if whole else text.split("\t")
        if len(cells) < len(columns):
            yield Problem(
                path,
                number,
                f"{len(cells)} columns, expected {len(columns)} ({', '.join(columns)}), separated by tabs",
            )
            continue
        yield Row(
            path,
            number,
            {name: cell for name, cell in zip(columns, cells, strict=False) if name != "_"},
        )


def _jsonl(
    path: str, columns: Sequence[str] | None, numbers: Sequence[str] = ()
) -> Iterator[Row | Problem]:
    for item in scan_lines(path):
        if isinstance(item, Problem):
            yield item
            continue
        number, text = item
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            yield Problem(path, number, f"not JSON ({error.msg} at character {error.pos + 1})")
            continue
        except (
            ValueError,
            RecursionError,
        ) as error:  # a number of thousands of digits, lists in lists in lists
            yield Problem(path, number, f"JSON that cannot be read ({str(error)[:80]})")
            continue
        if not isinstance(value, dict):
            yield Problem(path, number, f"a {type(value).__name__}, expected a JSON object")
            continue
        yield _row(path, number, value, columns, numbers)


def _parquet(
    path: str, columns: Sequence[str] | None, numbers: Sequence[str] = ()
) -> Iterator[Row | Problem]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ModuleNotFoundError:
        raise MissingExtra("pyarrow", "train") from None
    try:
        file = parquet.ParquetFile(open_raw(path) if "://" in path else path)
        wanted = [c for c in columns or file.schema_arrow.names if c != "_"]
        missing = [c for c in wanted if c not in file.schema_arrow.names]
        if missing:
            yield Problem(
                path,
                None,
                f"no column {missing[0]!r}; the columns are {', '.join(file.schema_arrow.names)}",
                ends=True,
            )
            return
        number = 0
        for batch in file.iter_batches(columns=wanted):
            for value in batch.to_pylist():
                number += 1
                yield _row(path, number, value, wanted, numbers)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (pyarrow.ArrowInvalid, OSError) as error:
        yield Problem(
            path, None, f"not a readable Parquet file ({str(error).splitlines()[0]})", ends=True
        )


def _hub(name: str, columns: Sequence[str] | None) -> Iterator[Row | Problem]:
    """`hf://owner/data[/config]:split` or `…:split[:N]` for its first N rows, streamed."""
    try:
        import datasets
    except ModuleNotFoundError:
        raise MissingExtra("datasets", "train") from None
    path, _, rest = name.removeprefix("hf://").partition(":")
    split, _, first = rest.rstrip("]").partition("[:")
    parts = path.split("/")
    config = "/".join(parts[2:]) or None
    try:
        rows = datasets.load_dataset(
            "/".join(parts[:2]), config, split=split or "train", streaming=True
        )
    except Exception as error:
        raise DataError(
            name,
            None,
            f"the hub data set cannot be opened ({type(error).__name__}: {str(error).splitlines()[0]})",
        ) from error
    for number, value in enumerate(islice(rows, int(first) if first else None), 1):
        yield _row(name, number, value, columns)


def _row(
    path: str,
    number: int,
    value: dict[str, Any],
    columns: Sequence[str] | None,
    numbers: Sequence[str] = (),
) -> Row | Problem:
    wanted = [c for c in columns or value if c != "_"]
    values: dict[str, str] = {}
    for column in wanted:
        if column not in value:
            return Problem(
                path, number, f"no key {column!r}; the keys are {', '.join(map(str, value))}"
            )
        if column in numbers and (value[column] is None or isinstance(value[column], int | float)):
            values[column] = "" if value[column] is None else json.dumps(value[column])
            continue
        if (text := _text(value[column])) is None:
            if (
                not columns
            ):  # of columns that nobody asked for by name, what is no text is none of ours
                continue
            return Problem(
                path, number, f"{column!r} is {type(value[column]).__name__}, expected text"
            )
        values[column] = text
    return Row(path, number, values)


def _text(value: Any) -> str | None:
    """A cell as text: a list of numbers (scores) as numbers with spaces between; None for what is
    neither.
    """
    if isinstance(value, str):
        return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    ):
        return " ".join(map(repr, value))
    return None
