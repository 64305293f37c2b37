"""Files that the page's users send: written to one folder, then brought into the index beside the
searches.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lusifer.errors import LusiferError
from lusifer.io import disk_errors
from lusifer.serving.faults import Fault

if TYPE_CHECKING:
    from lusifer.search import Index

log = logging.getLogger(__name__)
LONGEST = 150  # bytes of a file's name
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


class _Ended(Exception):
    """The server ends, so the indexing does."""


@dataclass
class Uploads:
    """The folder, and how far the newest upload is. What the server's end leaves unindexed is brought
    in by `resume`.
    """

    folder: Path
    index: Index
    ending: threading.Event
    said: str = ""
    busy: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def resume(self) -> None:
        """Begin to index what the folder holds and the index does not. Called in the event loop."""
        if self.folder.is_dir() and any(self.folder.iterdir()):
            self._begin([self.folder], "Looking for files that are not in the index yet…")

    async def take(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files and begin to index them. One whose name is taken by another content is numbered.

        Args:
            files: names, of which the last part counts, and contents.

        Raises:
            Fault: 400 for no file or a name that is none, 409 while an upload is being indexed, 507
                where the disk is full.
        """
        if self.busy:
            raise Fault(409, "another upload is being indexed; wait until it has ended")
        names = [safe_name(name) for name, _ in files]
        if not files or not all(names):
            raise Fault(400, "choose one file or more, each with a name")
        self.busy = True
        try:
            contents = [content for _, content in files]
            written = await asyncio.to_thread(self._write, names, contents)
        except BaseException as error:
            self.busy = False
            if isinstance(error, LusiferError):
                raise Fault(507, str(error).replace(f"{self.folder}", self.folder.name)) from None
            raise
        self._begin(written, f"Indexing {_files(len(files))}…")

    def _write(self, names: Sequence[str], contents: Sequence[bytes]) -> list[Path]:
        written = []
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, content in zip(names, contents, strict=True):
                place = _free(self.folder / name, content)
                aside = self.folder / f".{name}.part"
                aside.write_bytes(content)
                aside.replace(place)
                written.append(place)
        return written

    def _begin(self, paths: list[Path], said: str) -> None:
        self.busy, self.said = True, said
        task = asyncio.get_running_loop().create_task(self._bring_in(paths))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _bring_in(self, paths: list[Path]) -> None:
        try:
            report = await asyncio.to_thread(self._update, paths)
        except _Ended:
            self.said = "Not indexed yet: the server ended."
        except LusiferError as error:
            self.said = f"Not indexed: {self._shown(error)}"
        except Exception:
            log.exception("an upload could not be indexed")
            self.said = "Not indexed: the server failed; its log says why."
        else:
            self.said = report
        finally:
            self.busy = False

    def _update(self, paths: list[Path]) -> str:
        def tell(path: str, done: int, of: int) -> None:
            if self.ending.is_set():
                raise _Ended

        # An index of its own: the other one is being searched in another thread.
        opened = type(self.index).open(self.index.uri, self.index.model)
        report = opened.update(paths, tell)
        if paths == [self.folder] and not report.added + report.changed:
            return ""
        said = f"{_files(report.added + report.changed)} added."
        if report.unchanged:
            said += f" {_files(report.unchanged)} there already."
        if report.skipped:
            said += f" Not read: {'; '.join(map(self._shown, report.skipped[:3]))}"
        return said

    def _shown(self, reason: object) -> str:
        """A reason without the place of the folder, which is the server's own."""
        return str(reason).replace(f"{self.folder.resolve()}{os.sep}", "")


def _free(place: Path, content: bytes) -> Path:
    """The place itself where nothing, or the same, is there; else the first numbered one."""
    for number in itertools.count(2):
        if not place.exists() or (
            place.stat().st_size == len(content) and place.read_bytes() == content
        ):
            return place
        stem = re.sub(r" \(\d+\)$", "", place.stem)
        place = place.with_name(f"{stem} ({number}){place.suffix}")
    raise AssertionError  # counting does not end


def safe_name(name: str) -> str:
    """The last part of a file's name as it can be written anywhere; empty where nothing is left."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = UNSAFE.sub("_", last).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if not dot:
        stem, ending = clean, ""
    room = LONGEST - len(ending.encode()) - 1
    if room < 1:  # that was no ending, but a name with a dot in it
        stem, dot, ending, room = clean, "", "", LONGEST
    stem = stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
    return f"{stem}{dot}{ending}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
