"""Where a bulk run writes: a folder, or a place in an object store by its URL. What is there is
there whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lusifer.errors import LusiferError
from lusifer.io.files import locked, made_folder, replacing_file
from lusifer.io.paths import open_store


class StoreFolder:
    """A folder of files that are written at once and never changed."""

    def __init__(self, name: str) -> None:
        name = name.removeprefix("file://")
        self.name = name.rstrip("/")
        self.store: Any = None
        if "://" in name:
            self.store, self.name = open_store(self.name)
        elif Path(self.name).exists() and not Path(self.name).is_dir():
            raise LusiferError(f"{self.name}: is a file; a run writes into a folder")

    def __str__(self) -> str:
        return self.name

    def files(self) -> list[str]:
        """The names of the files that are there, sorted; what was being written when a run was
        killed is not among them.
        """
        if self.store is None and not Path(self.name).is_dir():
            return []
        if self.store is None:
            return sorted(name for name in os.listdir(self.name) if not name.startswith("."))
        if not self.store.exists(self.name):
            return []
        self.store.invalidate_cache(self.name)
        return sorted(path.rpartition("/")[2] for path in self.store.ls(self.name, detail=False))

    def write(self, file: str, content: bytes) -> None:
        """Write a file whole."""
        if self.store is None:
            with replacing_file(Path(self.name) / file) as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        else:
            self.store.pipe_file(
                f"{self.name}/{file}", content
            )  # an object is there once its last byte is

    def read(self, file: str) -> bytes:
        """A file's content."""
        if self.store is None:
            return (Path(self.name) / file).read_bytes()
        content: bytes = self.store.cat_file(f"{self.name}/{file}")
        return content

    def read_json(self, file: str) -> dict[str, Any]:
        """A JSON object. Raises LusiferError where it is none."""
        try:
            value = json.loads(self.read(file))
        except ValueError as error:
            raise LusiferError(
                f"{self.name}/{file}: is damaged ({error}); delete this file, and run the same command again"
            ) from None
        if not isinstance(value, dict):
            raise LusiferError(
                f"{self.name}/{file}: is damaged (no object); delete this file, and run the same command again"
            )
        return value

    def remove(self, file: str) -> None:
        """Delete a file that may be there."""
        if self.store is None:
            (Path(self.name) / file).unlink(missing_ok=True)
        elif self.store.exists(f"{self.name}/{file}"):
            self.store.rm_file(f"{self.name}/{file}")

    @contextmanager
    def own(self, about: str) -> Iterator[None]:
        """Make a folder and hold it against a second run; what a killed run was writing is swept
        away. An object store cannot be held. A run that is refused before it has written more than
        `about`, the file that says what it is, leaves nothing.
        """
        busy = f"{self.name}: another run is writing there; wait for it, or name another folder"
        with ExitStack() as held:
            if self.store is None:
                held.enter_context(made_folder(self.name, (about,)))
                held.enter_context(locked(self.name, busy))
                for pattern in (".shard-*", ".run.json.*", ".manifest.json.*", ".rejects.jsonl.*"):
                    for left in Path(self.name).glob(pattern):
                        left.unlink()
            yield
