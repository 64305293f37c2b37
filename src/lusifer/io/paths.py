"""Names of files: globs on a disk, and URLs of object stores."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lusifer.errors import DataError, LusiferError, MissingExtra


def expand(patterns: Sequence[str], root: str | Path = ".") -> list[str]:
    """File names for globs relative to `root`, sorted; `hf://…` names pass through. A pattern
    without a file raises.
    """
    names: list[str] = []
    for pattern in patterns:
        if pattern.startswith("hf://"):
            names.append(pattern)
            continue
        if "://" in pattern:
            names.extend(_expand_url(pattern))
            continue
        found = sorted(glob.glob(str(Path(root).expanduser() / pattern)))
        if not found:
            raise DataError(Path(root) / pattern, None, "no such file")
        names.extend(found)
    return list(dict.fromkeys(names))


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
