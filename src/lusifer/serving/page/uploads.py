"""Files that the page's users send: written to one folder, then brought into the index beside the
searches.
"""

from __future__ import annotations

import asyncio
import logging
import re
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


@dataclass
class Uploads:
    """The folder, and how far the newest upload is."""

    folder: Path
    index: Index
    said: str = ""
    busy: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files and begin to index them.

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
        try:
            with disk_errors(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                for name, (_, content) in zip(names, files, strict=True):
                    aside = self.folder / f".{name}.part"
                    aside.write_bytes(content)
                    aside.replace(self.folder / name)
        except LusiferError as error:
            raise Fault(507, str(error)) from None
        self.busy, self.said = True, f"Indexing {_files(len(files))}…"
        task = asyncio.get_running_loop().create_task(self._bring_in())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _bring_in(self) -> None:
        try:
            report = await asyncio.to_thread(self._update)
        except LusiferError as error:
            self.said = f"Not indexed: {error}"
        except Exception:
            log.exception("an upload could not be indexed")
            self.said = "Not indexed: the server failed; its log says why."
        else:
            self.said = report
        finally:
            self.busy = False

    def _update(self) -> str:
        # An index of its own: the other one is being searched in another thread.
        opened = type(self.index).open(self.index.uri, self.index.model)
        report = opened.update([self.folder])
        said = f"{_files(report.added + report.changed)} added, {report.passages:,} passages."
        if report.skipped:
            said += f" Not read: {'; '.join(map(str, report.skipped[:3]))}"
        return said


def safe_name(name: str) -> str:
    """The last part of a file's name as it can be written anywhere; empty where nothing is left."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = UNSAFE.sub("_", last).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if not dot:
        stem, ending = clean, ""
    room = LONGEST - len(ending.encode()) - 1
    if room < 1:
        return ""
    stem = stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
    return f"{stem}{dot}{ending}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
