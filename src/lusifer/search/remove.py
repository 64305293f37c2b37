"""What is in an index, and taking some of it out again.

Method: the list of files names each file with its folder's root; files go first from the list, then
their passages (`table.drop_files`), then the paths that updates follow. Cost: one pass over the
list, and a new version of each table. Not for emptying an index: delete its folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lusifer.errors import LusiferError
from lusifer.search.table import drop_files, is_below, quoted


@dataclass(frozen=True)
class IndexedFile:
    """A file of an index: its size in bytes, when it was changed (nanoseconds since 1970), and how
    many passages it has.
    """

    path: str
    size: int
    modified: int
    passages: int


@dataclass(frozen=True)
class Forgotten:
    """What was taken out; `followed` are folders that hold some of it and that updates still read."""

    files: int
    passages: int
    followed: tuple[str, ...]


class Removal:
    """One removal from an index's table of passages, its list of files, and that of the paths named."""

    def __init__(self, rows: Any, files: Any, roots: Any) -> None:
        self.rows, self.files, self.roots = rows, files, roots

    def run(self, paths: Sequence[str | Path]) -> Forgotten:
        """See `Index.forget`."""
        named = [str(Path(path).expanduser().resolve()) for path in paths]
        known = {row["path"]: row["passages"] for row in self.files.to_arrow().to_pylist()}
        roots = [row["path"] for row in self.roots.to_arrow().to_pylist()]
        for path in named:
            if not any(is_below(one, path) for one in (*known, *roots)):
                raise LusiferError(f"{path}: nothing of it is in the index")
        gone = sorted(path for path in known if any(is_below(path, name) for name in named))
        drop_files(self.rows, self.files, gone)
        left = [root for root in roots if not any(is_below(root, name) for name in named)]
        for root in {*roots} - {*left}:
            self.roots.delete(f"path = {quoted(root)}")
        followed = tuple(
            root
            for root in left
            if any(is_below(name, root) and Path(name).exists() for name in named)
        )
        return Forgotten(len(gone), sum(known[path] for path in gone), followed)
