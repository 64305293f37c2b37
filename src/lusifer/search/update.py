"""Bring an index's table in line with the files that it is of.

Method: each new or changed file is cut into passages, embedded and added under its content's hash;
when all of a file is in, the list names it and rows of its earlier content go. A run that is killed
leaves at worst rows that the list does not name, which the next run drops. Cost: embedding; the
inverted file of the vectors, which stands from `FLAT` passages, is made anew once a fifth of the
rows is not in it. Not for two writers at once: `Index.update` sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lusifer.data import Problem, Section, sections
from lusifer.errors import DataError
from lusifer.io import sha256
from lusifer.models import Embedder
from lusifer.search.files import Found, walk
from lusifer.search.table import AT_ONCE, drop_files, is_below, quoted
from lusifer.search.tokens import COLUMN, token_column
from lusifer.text import language_of, passages, terms, unwrap

if TYPE_CHECKING:
    import pyarrow as pa


FLAT = 100_000
STALE = 0.2
BATCH = 1024
PART = 256  # passages embedded at a time, after which an update can end
FEW = 3  # bad rows of a file that are named one by one
Tell = Callable[[str, int, int], None]


@dataclass
class IndexReport:
    """What an update did; `skipped` holds the reason of each file that could not be read."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    passages: int = 0
    skipped: list[str] = field(default_factory=list)


class Update:
    """One update of an index's table of passages, its list of files, and that of the paths named."""

    batch = BATCH

    def __init__(self, rows: Any, files: Any, roots: Any, embedder: Embedder) -> None:
        self.rows, self.files, self.roots, self.embedder = rows, files, roots, embedder

    def run(self, paths: Sequence[str | Path], tell: Tell | None) -> IndexReport:
        """See `Index.update`."""
        known = {row["path"]: row for row in self.files.to_arrow().to_pylist()}
        first = not known
        report = IndexReport()
        roots, new_roots = self._named(paths)
        there = [root for root in roots if Path(root).exists()]
        unread: list[str] = []
        found = {file.path: file for file in walk(paths or there, report.skipped, unread)}
        if new_roots:  # none that could not be walked
            self.roots.add([{"path": path} for path in new_roots])
        for root in sorted({*roots} - {*there}):
            stay = sum(is_below(path, root) for path in known)
            report.skipped.append(f"{root}: is not there now; {stay} files of it stay in the index")
        # The place where a drive was mounted is an empty folder; whoever emptied one can say so.
        folders = [one for one in there if Path(one).is_dir() and one not in unread]
        for root in [one for one in folders if not any(Path(one).iterdir())]:
            there.remove(root)
            if stay := sum(is_below(path, root) for path in known):
                report.skipped.append(
                    f"{root}: is empty now; {stay} files of it stay in the index until it is told to forget them"
                )
        if self.rows.count_rows() != sum(row["passages"] for row in known.values()):
            self._drop_unlisted(known)
        gone = sorted(
            path
            for path in known
            if path not in found
            and any(is_below(path, root) for root in there)
            and not any(is_below(path, folder) for folder in unread)
        )
        drop_files(self.rows, self.files, gone)
        report.removed = len(gone)
        new = [file for file in found.values() if not _same(known.get(file.path), file)]
        report.unchanged = len(found) - len(new)
        self._add(new, known, report, tell)
        report.passages = self.rows.count_rows()
        if report.added or report.changed or report.removed or not self._has_words():
            self._tend(first=first)
        return report

    def _named(self, paths: Sequence[str | Path]) -> tuple[list[str], list[str]]:
        """The paths named now, or all that ever were; and of them those that are new and not below
        another.
        """
        before = [row["path"] for row in self.roots.to_arrow().to_pylist()]
        if not paths:
            return before, []
        named = [str(Path(path).expanduser().resolve()) for path in paths]
        new = [
            path
            for path in dict.fromkeys(named)
            if not any(is_below(path, root) for root in before) and Path(path).exists()
        ]
        return named, new

    def _add(
        self, new: list[Found], known: dict[str, Any], report: IndexReport, tell: Tell | None
    ) -> None:
        pending: list[dict[str, Any]] = []
        finished: list[tuple[Found, str, int]] = []

        def flush() -> None:
            if pending:
                self.rows.add(self._table(pending, told))
                pending.clear()
            self._list(finished, known)
            finished.clear()

        now = ("", 0, len(new))

        def told() -> None:
            if tell:
                tell(*now)

        for done, file in enumerate(new):
            now = (file.path, done, len(new))
            told()
            old = known.get(file.path)
            try:
                content = sha256(file.path)
                if old and old["hash"] == content:
                    finished.append((file, content, old["passages"]))
                    report.unchanged += 1
                    continue
                count, wrong = 0, list[str]()
                for row in self._rows_of(sections(file.path), file, content, wrong):
                    pending.append(row)
                    count += 1
                    if len(pending) >= BATCH:
                        self.rows.add(self._table(pending, told))
                        pending.clear()
            except (DataError, OSError) as error:
                report.skipped.append(str(error))
                pending = [row for row in pending if row["path"] != file.path]
                drop_files(self.rows, self.files, [file.path])
                continue
            report.skipped.extend(wrong[:FEW])
            if len(wrong) > FEW:
                report.skipped.append(f"{file.path}: {len(wrong) - FEW} more rows like these")
            if wrong and not count:  # it is read again next time
                drop_files(self.rows, self.files, [file.path])
                continue
            if not count:
                report.skipped.append(f"{file.path}: holds no text")
            finished.append((file, content, count))
            report.changed += bool(old)
            report.added += not old
            if len(pending) >= BATCH // 2:
                flush()
        flush()

    @staticmethod
    def _rows_of(
        parts: Iterable[Section | Problem], file: Found, content: str, wrong: list[str]
    ) -> Iterator[dict[str, Any]]:
        """The rows of one file, without vectors; what is wrong with rows of it goes to `wrong`."""
        number = 0
        for section in parts:
            if isinstance(section, Problem):
                wrong.append(str(DataError(section.path, section.line, section.what)))
                continue
            for start, end in passages(section.text):
                text = section.text[start:end]
                yield {
                    "path": file.path,
                    "hash": content,
                    "number": number,
                    "position": section.position_at(start),
                    "unit": section.unit,
                    "text": unwrap(text),
                    "words": terms(text),
                    "language": language_of(text),
                    "modified": file.modified // 1_000_000_000,
                }
                number += 1

    def _table(
        self, rows: list[dict[str, Any]], tell: Callable[[], None] = lambda: None
    ) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        asked = "document" if "document" in self.embedder.prompts else None
        parts = []
        for start in range(0, len(rows), PART):
            tell()
            texts = [row["text"] for row in rows[start : start + PART]]
            parts.append(self.embedder.encode(texts, prompt=asked))
        vectors = np.concatenate(parts)
        columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
        half = vectors.astype("float16")  # a third of an index is vectors; a cosine moves by .0005
        flat = pa.FixedSizeListArray.from_arrays(
            pa.array(half.ravel(), pa.float16()), half.shape[1]
        )
        columns["vector"] = flat
        if COLUMN in self.rows.schema.names:
            columns[COLUMN] = token_column(self.embedder, [row["text"] for row in rows], asked)
        return pa.table(columns, schema=self.rows.schema)

    def _list(self, finished: list[tuple[Found, str, int]], known: dict[str, Any]) -> None:
        """Name these files in the list, and then drop what their earlier contents left."""
        if not finished:
            return
        import pyarrow as pa

        listed = [
            {**asdict(file), "hash": content, "passages": count}
            for file, content, count in finished
        ]
        # To look for a path among the listed is a pass over the list, which new ones need not pay.
        fresh = [row for row in listed if row["path"] not in known]
        others = [row for row in listed if row["path"] in known]
        if fresh:
            self.files.add(pa.Table.from_pylist(fresh, schema=self.files.schema))
        if others:
            self.files.merge_insert(
                "path"
            ).when_matched_update_all().when_not_matched_insert_all().execute(
                pa.Table.from_pylist(others, schema=self.files.schema)
            )
        for file, content, _ in finished:
            if file.path in known and known[file.path]["hash"] != content:
                self.rows.delete(f"path = {quoted(file.path)} AND hash != {quoted(content)}")

    def _drop_unlisted(self, known: dict[str, Any]) -> None:
        """Rows of a run that was killed: of a file, or of a content, that the list does not name."""
        stored = self.rows.search().select(["path", "hash"]).to_arrow()
        for pair in stored.group_by(["path", "hash"]).aggregate([]).to_pylist():
            if known.get(pair["path"], {}).get("hash") != pair["hash"]:
                self.rows.delete(f"path = {quoted(pair['path'])} AND hash = {quoted(pair['hash'])}")

    def _has_words(self) -> bool:
        return any("words" in index.columns for index in self.rows.list_indices())

    def _outside(self, column: str, count: int) -> int:
        """How many rows no index of a column holds, of `count`."""
        of = (index.name for index in self.rows.list_indices() if column in index.columns)
        name = next(of, None)
        return int(self.rows.index_stats(name).num_unindexed_rows) if name else count

    def _tend(self, *, first: bool) -> None:
        """Bring the full-text index, and above `FLAT` the vectors' one, up to date, and let go of what
        earlier versions of the table hold: at once after the `first` update, else when they are an
        hour old. A search takes the newest version, so only one that is under way in that moment
        could miss an earlier one.
        """
        from datetime import timedelta

        from lancedb.index import FTS, IvfFlat, IvfPq

        count = self.rows.count_rows()
        if not count:
            return
        if not self._has_words():
            words = FTS(
                base_tokenizer="whitespace",
                with_position=False,  # no phrases are asked for, and positions take most of it
                max_token_length=None,  # it would count bytes: 14 letters of Malayalam; `terms` cuts
                stem=False,
                remove_stop_words=False,
                ascii_folding=False,
                lower_case=False,
            )
            self.rows.create_index("words", config=words)
        if count >= FLAT:
            parts = max(1, int(count**0.5) // 2)
            kinds: dict[str, Any] = {"vector": IvfFlat(distance_type="dot", num_partitions=parts)}
            if COLUMN in self.rows.schema.names:
                kinds[COLUMN] = IvfPq(distance_type="cosine", num_partitions=parts)
            for column, kind in kinds.items():
                if self._outside(column, count) > STALE * count:
                    self.rows.create_index(column, config=kind, replace=True)
        kept = AT_ONCE if first else timedelta(hours=1)
        self.rows.optimize(cleanup_older_than=kept)


def _same(row: dict[str, Any] | None, file: Found) -> bool:
    """Whether nothing can have changed; what may have is compared by its hash."""
    now = (file.size, file.modified, file.touched)
    return row is not None and (row["size"], row["modified"], row["touched"]) == now
