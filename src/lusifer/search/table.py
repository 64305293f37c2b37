"""The table that holds an index's passages: its names, its query language's strings, its errors as
one line.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from lusifer.errors import DamagedIndex, LusiferError

PASSAGES, FILES, ROOTS = "passages", "files", "roots"
AT_ONCE = timedelta(milliseconds=1)  # versions of a table that are older are let go of


def is_below(path: str, root: str) -> bool:
    """Whether a path is a folder's, or the folder itself."""
    return path == root or Path(root) in Path(path).parents


def drop_files(rows: Any, files: Any, paths: list[str]) -> None:
    """Take files and their passages out. The list first: a row that is not listed is dropped by the
    next update, a listed file without rows would be missed.
    """
    for i in range(0, len(paths), 500):
        these = ", ".join(quoted(path) for path in paths[i : i + 500])
        files.delete(f"path IN ({these})")
        rows.delete(f"path IN ({these})")


def is_index(path: str | Path) -> bool:
    """Whether a folder holds an index."""
    return (Path(path) / f"{PASSAGES}.lance").exists()


def quoted(text: str) -> str:
    """A string of the table's query language."""
    return "'" + text.replace("'", "''") + "'"


def connect(uri: str | Path) -> Any:
    """The database in a folder or at an object store's URL."""
    import lancedb

    return lancedb.connect(str(uri))


def table_names(database: Any) -> list[str]:
    """The tables of a database."""
    return list(database.list_tables().tables)


@contextlib.contextmanager
def table_errors(uri: str | Path) -> Iterator[None]:
    """Turn the table's own errors into one line."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if (
            "lance" not in str(error).lower() and "was not found" not in str(error)
        ) or "No space left" in str(error):
            raise
        if "temp dir" in str(error):
            raise LusiferError(
                f"{os.environ.get('TMPDIR') or tempfile.gettempdir()}: cannot be used for temporary files; set TMPDIR to a folder that can"
            ) from error
        reason = str(error).splitlines()[0].split(", /")[0][:160]
        raise DamagedIndex(
            f"{uri}: the index is damaged ({reason}); index into another folder"
        ) from error
