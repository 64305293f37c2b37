"""Names of files: globs on a disk, and URLs of object stores."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lusifer.errors import DataError, LusiferError, MissingExtra


def named(given: str | Path | Iterable[str | Path]) -> list[str]:
    """Names as a list: one name is not its letters, and what comes one by one comes once.

    Args:
        given: a name, or any number of them.

    Returns:
        The names.
    """
    return [str(name) for name in ([given] if isinstance(given, str | Path) else given)]


def expand(patterns: str | Sequence[str], root: str | Path = ".") -> list[str]:
    """File names for globs relative to `root`, sorted; `hf://…` names pass through. A pattern
    without a file raises.
    """
    names: list[str] = []
    for pattern in named(patterns):
        if pattern.startswith("hf://"):
            names.append(pattern)
            continue
        if "://" in pattern:
            names.extend(_expand_url(pattern))
            continue
        file = Path(root).expanduser() / pattern
        # A name that is there is that file, whatever brackets are in it.
        found = [str(file)] if file.is_file() else sorted(glob.glob(str(file)))
        if not found:
            raise DataError(Path(root) / pattern, None, "no such file")
        names.extend(found)
    return list(dict.fromkeys(names))


def refuse_input(into: str | Path, files: Sequence[str | Path]) -> None:
    """Raise LusiferError where an output is one of the files that are read.

    Args:
        into: the file to write.
        files: the files that are read, as they were named.
    """
    if Path(into).exists() and any(
        "://" not in str(file) and Path(file).exists() and Path(into).samefile(file)
        for file in files
    ):
        raise LusiferError(f"{into}: is read too, and would be overwritten; name another output")


def _expand_url(pattern: str) -> list[str]:
    """The files of an object store that a URL with or without a glob names."""
    store, path = open_store(pattern)
    found = (
        sorted(store.glob(path))
        if any(c in path for c in "*?[")
        else [path] * bool(store.exists(path))
    )
    if not found:
        raise DataError(pattern, None, "no such file")
    return [str(store.unstrip_protocol(name)) for name in found]


def open_store(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path there. Raises LusiferError where it is of no kind that
    is installed.
    """
    try:
        import fsspec
    except ModuleNotFoundError:
        raise MissingExtra("fsspec", "cloud") from None
    try:
        store, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise LusiferError(f"{url}: cannot be opened ({' '.join(str(error).split())})") from None
    return store, str(path)
