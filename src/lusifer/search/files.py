"""Which files an index takes: those named, and those below the folders named, that are of a known
kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lusifer.data import ending, file_formats
from lusifer.errors import DataError


@dataclass(frozen=True)
class Found:
    """A file, and the path named that it was found by; both whole."""

    path: str
    root: str
    size: int
    modified: int  # nanoseconds


def walk(paths: Sequence[str | Path]) -> Iterator[Found]:
    """Each file once, in order. Hidden files and folders are left out, and, in folders, what is of
    no known kind.

    Raises DataError where a path is not there.
    """
    seen: set[str] = set()
    for name in paths:
        root = Path(name).expanduser().resolve()
        if not root.exists():
            raise DataError(name, None, "no such file or folder")
        for file in [root] if root.is_file() else _below(root):
            if str(file) in seen:
                continue
            seen.add(str(file))
            try:
                stat = file.stat()
            except OSError:  # gone since it was listed, or a link to nowhere
                continue
            yield Found(str(file), str(root), stat.st_size, stat.st_mtime_ns)


def _below(root: Path) -> Iterator[Path]:
    known = file_formats()
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and not f.endswith(".lance")
        )
        for file in sorted(files):
            if not file.startswith(".") and ending(file) in known:
                yield Path(folder) / file
