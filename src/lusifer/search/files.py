"""Which files an index takes: those named, and those below the folders named, that are of a known
kind.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from lusifer.data import ending, file_formats
from lusifer.errors import DataError
from lusifer.text import half_characters


@dataclass(frozen=True)
class Found:
    """A file, and the path named that it was found by; both whole."""

    path: str
    root: str
    size: int
    modified: int  # nanoseconds, as all times here
    touched: int  # when its content, name or rights last changed, which nobody sets back


def walk(
    paths: Sequence[str | Path], skipped: list[str], unread: list[str] | None = None
) -> Iterator[Found]:
    """Each file once, in order. Hidden files and folders are left out.

    Args:
        paths: files and folders.
        skipped: gets a line for each file or folder that cannot be taken, and one for those in
            folders that are of no known kind.
        unread: gets each folder that cannot be read.

    Raises:
        DataError: where a path is not there, or is neither a file nor a folder.
    """
    seen: set[str] = set()
    other: Counter[str] = Counter()
    for name in paths:
        root = Path(name).expanduser().resolve()
        if not root.exists():
            raise DataError(name, None, "no such file or folder")
        if not root.is_file() and not root.is_dir():
            raise DataError(name, None, "is neither a file nor a folder")
        for file in [root] if root.is_file() else _below(root, skipped, other, unread):
            if str(file) in seen:
                continue
            seen.add(str(file))
            if half_characters(str(file)):
                shown = os.fsencode(file).decode("utf-8", "backslashreplace")
                skipped.append(f"{shown}: the name is not UTF-8; rename it")
                continue
            try:
                stat = file.stat()
            except OSError:  # gone since it was listed, or a link to nowhere
                continue
            if S_ISREG(stat.st_mode):
                yield Found(str(file), str(root), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            else:  # a pipe would be waited for
                skipped.append(f"{file}: is no regular file")
    if other:
        kinds = ", ".join(f"{kind or 'no ending'} {n}" for kind, n in other.most_common(5))
        skipped.append(f"{other.total()} files of kinds that are not read: {kinds}")


def _below(
    root: Path, skipped: list[str], other: Counter[str], unread: list[str] | None
) -> Iterator[Path]:
    known = file_formats()

    def unreadable(error: OSError) -> None:
        skipped.append(f"{error.filename}: cannot be read ({error.strerror})")
        if unread is not None:
            unread.append(str(error.filename))

    for folder, folders, files in os.walk(root, onerror=unreadable):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and not f.endswith(".lance")
        )
        for file in sorted(files):
            if file.startswith("."):
                continue
            if ending(file) in known:
                yield Path(folder) / file
            else:
                other[ending(file)] += 1
