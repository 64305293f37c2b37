"""Writing without loss: everything is written aside and then renamed, so a reader never sees half a
file.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lusifer.errors import LusiferError

LOCK = ".lusifer-lock"
FULL = ("No space left", "os error 28", "Disk quota exceeded")
PARTLY = re.compile(r"\d+ requested and \d+ written")  # numpy's


@contextmanager
def replacing_folder(target: str | Path) -> Iterator[Path]:
    """Yield a new folder beside `target`; when the block ends well it takes `target`'s place at
    once.

    A block that fails, or is interrupted, leaves `target` as it was. A full disk is reported as one
    line.
    """
    target = Path(target)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield aside
            # safetensors leaves files that others cannot read
            for path in (aside, *aside.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() else 0o644)
            if not target.exists():
                os.rename(aside, target)
                return
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
            os.rename(target, old / "old")
            try:
                os.rename(aside, target)
            except BaseException:
                os.rename(old / "old", target)
                raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def made_folder(folder: str | Path, trivial: Sequence[str] = ()) -> Iterator[None]:
    """Make a folder for an output; where the block refuses before it has written anything but
    files named in `trivial`, take away what was made here.

    Args:
        folder: with folders above it that may not be there either.
        trivial: names of files that are nothing without others.

    Raises:
        LusiferError: where the folder cannot be made.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    before = set(os.listdir(folder)) if folder.is_dir() else set[str]()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except LusiferError:
        new = set(os.listdir(folder)) - before
        if new <= {LOCK, *trivial}:
            for name in new:
                (folder / name).unlink()
            for path in missing:
                path.rmdir()
        raise


@contextmanager
def replacing_file(path: str | Path) -> Iterator[IO[bytes]]:
    """Yield a stream to a new file beside `path`; when the block ends well it takes `path`'s place
    at once.
    """
    path = Path(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text aside and rename it into place."""
    with replacing_file(path) as stream:
        stream.write(text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def locked(folder: str | Path, busy: str) -> Iterator[None]:
    """Hold a folder against a second writer, who gets the error `busy`; the system lets go when the
    process ends, however it ends.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield
        return
    with (Path(folder) / LOCK).open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LusiferError(busy) from None
        yield


def disk_full(error: BaseException) -> bool:
    """Whether a library says, in its own way, that a disk or a quota has no room left.

    numpy counts what it wrote and gives no errno; torch, safetensors, Arrow and the index's table
    wrap the system's error in classes of their own.
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(sign in str(error) for sign in FULL) or bool(PARTLY.fullmatch(str(error)))


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Turn the operating system's write errors into one line that names the path."""
    try:
        yield
    except Exception as error:
        if disk_full(error):
            raise LusiferError(
                f"{path}: the disk is full; what was there before is untouched"
            ) from error
        if isinstance(error, OSError) and error.errno in (
            errno.EACCES,
            errno.EROFS,
            errno.ENOTDIR,
            errno.EEXIST,
        ):
            raise LusiferError(f"{path}: cannot be written ({error.strerror})") from error
        raise


def write_array(path: str | Path, array: Any) -> None:
    """Write a NumPy array (.npy) aside and rename it into place."""
    import numpy as np

    with replacing_file(path) as stream:
        np.save(stream, array)


def fingerprint(first: str, texts: Iterable[str], last: str = "") -> str:
    """A short hash of texts and what was done with them, to name a cache by."""
    import hashlib

    digest = hashlib.sha256(first.encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(last.encode())
    return digest.hexdigest()[:16]


def sha256(*paths: str | Path) -> str:
    """Hash of the files' contents, one after the other, in the order of their names."""
    import hashlib

    digest = hashlib.sha256()
    for path in sorted(Path(p) for p in paths):
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
