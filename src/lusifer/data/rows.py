"""Rows out of files and hub data sets, streamed, with line numbers.

`read_rows` stops at the first bad line with a `DataError` that names file, line and what would be
right; `scan_rows` yields the bad lines as `Problem`s beside the good ones, for `lusifer data
validate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lusifer.data.formats import Problem, Row, file_formats, format_of
from lusifer.data.formats.hub import SCHEME, hub_rows
from lusifer.errors import DataError


def read_rows(path: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Rows of one file.

    Args:
        path: a file, or a hub data set.
        columns: the names of a headerless file's columns in order ('_' skips one), or the keys
            wanted.

    Returns:
        Its rows, one by one.

    Raises:
        DataError: at the first line that cannot be read as asked.
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
    """Rows and problems of one file, in order.

    Args:
        path: a file, or a hub data set.
        columns: as for `read_rows`.
        numbers: columns that may hold numbers or nothing, as text then.

    Returns:
        What is read, one by one.

    Raises:
        DataError: for a format without rows.
    """
    if path.startswith(SCHEME):
        yield from hub_rows(path, columns)
        return
    if "://" not in path and not Path(path).exists():
        yield Problem(path, None, "no such file", ends=True)
        return
    if Path(path).is_dir():
        yield Problem(path, None, "is a folder, not a file", ends=True)
        return
    known = format_of(path)
    if not known.has_rows:
        endings = ", ".join(ending for ending, one in file_formats().items() if one.has_rows)
        raise DataError(path, None, f"its lines are no rows; formats with rows are {endings}")
    try:
        yield from known.rows(path, columns, numbers)
    except FileNotFoundError:
        yield Problem(path, None, "no such file", ends=True)
    except IsADirectoryError:
        yield Problem(path, None, "is a folder, not a file", ends=True)
    except PermissionError:
        yield Problem(path, None, "may not be read (permission denied)", ends=True)
