"""Texts in an index that are in no file: put in by an id, changed and taken out by it.

Their path is `text:` and the id, so that they are found, filtered and listed as files are, and an
update of files leaves them alone. Cost: embedding; a text that is there as it is costs nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterable, Mapping
from typing import Any

from lusifer.data import Section
from lusifer.errors import LusiferError
from lusifer.search.files import Found
from lusifer.search.table import drop_files
from lusifer.search.update import IndexReport, Update
from lusifer.text import half_characters

SCHEME = "text:"
AT_A_TIME = 20_000  # rows that are held; a wrong one among them leaves out all of these


class Addition(Update):
    """Texts by their ids into an index's tables."""

    batch = 8192  # texts are many and small, and each write is a version of the table

    def put(self, rows: Iterable[Mapping[str, Any]]) -> IndexReport:
        """See `Index.add`."""
        known = {row["path"]: row for row in self.files.to_arrow().to_pylist()}
        first, report = not known, IndexReport()
        numbered = enumerate(rows)
        while part := list(itertools.islice(numbered, AT_A_TIME)):
            checked = [_checked(number, row) for number, row in part]
            new: dict[str, tuple[Found, str, str]] = {}
            for name, text in checked:
                content = hashlib.sha256(text.encode()).hexdigest()
                path = SCHEME + name
                if known.get(path, {}).get("hash") == content:
                    report.unchanged += 1
                    new.pop(path, None)
                    continue
                now = time.time_ns()
                new[path] = (Found(path, "", len(text.encode()), now, now), content, text)
            self._put(list(new.values()), known, report)
            known |= {path: {"hash": content} for path, (_, content, _) in new.items()}
        report.passages = self.rows.count_rows()
        if report.added or report.changed:
            self._tend(first=first)
        return report

    def _put(
        self, new: list[tuple[Found, str, str]], known: dict[str, Any], report: IndexReport
    ) -> None:
        pending: list[dict[str, Any]] = []
        finished: list[tuple[Found, str, int]] = []
        for file, content, text in new:
            rows = list(self._rows_of([Section(text, 1, "line")], file, content, []))
            if not rows:
                report.skipped.append(f"{file.path}: holds no text")
                continue
            pending += rows
            finished.append((file, content, len(rows)))
            report.changed += file.path in known
            report.added += file.path not in known
            if len(pending) >= self.batch:
                self._flush(pending, finished, known)
        self._flush(pending, finished, known)

    def _flush(
        self,
        pending: list[dict[str, Any]],
        finished: list[tuple[Found, str, int]],
        known: dict[str, Any],
    ) -> None:
        if pending:
            self.rows.add(self._table(pending))
        self._list(finished, known)
        pending.clear()
        finished.clear()

    def drop(self, ids: Iterable[str]) -> int:
        """See `Index.delete`."""
        known = {row["path"] for row in self.files.to_arrow().to_pylist()}
        paths = [SCHEME + name for name in dict.fromkeys(ids)]
        for path in paths:
            if path not in known:
                raise LusiferError(f"{path[len(SCHEME) :]}: no text of that id is in the index")
        drop_files(self.rows, self.files, paths)
        return len(paths)


def _checked(number: int, row: Mapping[str, Any]) -> tuple[str, str]:
    """A row's id and text. Raises LusiferError where one is missing or is none."""
    if not isinstance(row, Mapping):
        raise LusiferError(f"row {number} is {type(row).__name__}; give {{'id': …, 'text': …}}")
    found = []
    for key in ("id", "text"):
        value = row.get(key)
        value = str(value) if key == "id" and isinstance(value, int) else value
        if not isinstance(value, str) or not value:
            raise LusiferError(f"row {number} has no {key}; give {{'id': …, 'text': …}}")
        if half_characters(value):
            raise LusiferError(f"row {number}: its {key} holds half a character")
        found.append(value)
    return found[0], found[1]
