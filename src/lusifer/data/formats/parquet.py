"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lusifer.data.formats.base import Format, Problem, Row, Section, as_row, strings
from lusifer.errors import DataError
from lusifer.io import open_raw

ROWS = 1024  # that are read at a time


class Parquet(Format):
    """A section is all text columns of a row."""

    endings = (".parquet",)

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            file = parquet.ParquetFile(open_raw(path) if "://" in path else path)
            there = file.schema_arrow.names
            wanted = [c for c in columns or there if c != "_"]
            missing = [c for c in wanted if c not in there]
            if missing:
                what = f"no column {missing[0]!r}; the columns are {', '.join(there)}"
                yield Problem(path, None, what, ends=True)
                return
            number = 0
            for batch in file.iter_batches(columns=wanted):
                for value in batch.to_pylist():
                    number += 1
                    yield as_row(path, number, value, wanted, numbers)
        except (FileNotFoundError, IsADirectoryError, PermissionError):
            raise
        except (pyarrow.ArrowInvalid, OSError) as error:
            what = f"not a readable Parquet file ({str(error).splitlines()[0]})"
            yield Problem(path, None, what, ends=True)

    def count(self, path: str) -> int | None:
        import pyarrow.parquet as parquet

        try:
            return int(parquet.read_metadata(path).num_rows)
        except (ValueError, OSError):
            return None  # reading it will tell what is wrong

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        try:
            file = parquet.ParquetFile(path)
            names = [f.name for f in file.schema_arrow if _is_text(f.type)]
            if not names:
                raise DataError(path, None, "has no column of text")
            number = 0
            for batch in file.iter_batches(ROWS, columns=names):
                for row in batch.to_pylist():
                    number += 1
                    text = "\n".join(strings(row))
                    if text:
                        yield Section(text, number, "row")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            what = f"not a readable Parquet file ({str(error).splitlines()[0]})"
            raise DataError(path, None, what) from None


def _is_text(kind: Any) -> bool:
    """Whether a column is text, also one that keeps each of its values once."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
