"""An index of files: passages, their vectors and words in one LanceDB table, and the list of files
that they come from.

Method: each new or changed file is cut into passages, embedded and added under its content's hash;
when all of a file is in, the list names it and rows of its earlier content go. So a run that is
killed leaves at worst rows that the list does not name, which the next run drops: it resumes at
that file, and ends with the same rows. LanceDB keeps versions, so a search sees a whole one while
an update writes. Cost: embedding; vectors are searched one by one below `FLAT` passages, by an
inverted file above, which is made anew once a fifth of the rows is not in it. Not for one writer
and many machines.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lusifer.data import sections
from lusifer.errors import DataError, LusiferError
from lusifer.io import disk_errors, locked, sha256
from lusifer.models import DEFAULT, TABLE, Embedder, LoadedModel
from lusifer.renamed import renamed
from lusifer.search.files import Found, walk
from lusifer.search.query import Filter, Hit, Mode, search
from lusifer.search.table import FILES, PASSAGES, connect, quoted, table_errors, table_names
from lusifer.text import identify, passages, terms

if TYPE_CHECKING:
    import pyarrow as pa


VERSION = 1
FLAT = 100_000
STALE = 0.2
BATCH = 1024
LETTERS = 12  # below so many a passage's language is a guess
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


@dataclass(frozen=True)
class About:
    """What the index's table says of itself."""

    version: int
    model: str
    hash: str
    dim: int


class Index:
    """An index in a folder (or at an object store's URL)."""

    def __init__(self, uri: str, model: LoadedModel, database: Any, rows: Any, files: Any) -> None:
        self.uri, self.model = uri, model
        self.database, self.rows, self.files = database, rows, files

    @classmethod
    def create(cls, uri: str | Path, model: LoadedModel | str | Path = DEFAULT) -> Index:
        """Make a new index, or open the one that is there if the same model made it.

        Args:
            uri: a folder, or an object store's URL.
            model: as for `load`.

        Returns:
            The index.

        Raises:
            LusiferError: where the folder holds other things, or another model's index.
        """
        import pyarrow as pa

        model = model if isinstance(model, LoadedModel) else LoadedModel.load(model)
        folder = Path(uri)
        local = "://" not in str(uri)
        if (
            local
            and folder.is_dir()
            and any(folder.iterdir())
            and not (folder / f"{PASSAGES}.lance").exists()
        ):
            raise LusiferError(
                f"{uri}: holds other files and no index; name an empty or a new folder"
            )
        if local and folder.is_file():
            raise LusiferError(f"{uri}: is a file; an index is a folder")
        with disk_errors(uri), table_errors(uri):
            database = connect(uri)
            if PASSAGES in table_names(database):
                return cls.open(uri, model)
            about = About(VERSION, model.name, model.hash, model.embedder.dim)
            files = pa.schema([("path", pa.string()), ("root", pa.string()), ("hash", pa.string())])
            for name in ("size", "modified", "passages"):
                files = files.append(pa.field(name, pa.int64()))
            table = database.create_table(FILES, schema=files, exist_ok=True)
            rows = database.create_table(PASSAGES, schema=_schema(about))
        return cls(str(uri), model, database, rows, table)

    @classmethod
    def open(cls, uri: str | Path, model: LoadedModel | str | Path | None = None) -> Index:
        """Open an index.

        Args:
            uri: a folder, or an object store's URL.
            model: as for `load`; without it the one that made the index.

        Returns:
            The index.

        Raises:
            LusiferError: where there is none, it is damaged or of a newer version, or another model made it.
        """
        with table_errors(uri):
            if "://" not in str(uri) and not (Path(uri) / f"{PASSAGES}.lance").exists():
                raise LusiferError(
                    f"{uri}: no index here; make one with: lusifer index PATH… --into {uri}"
                )
            database = connect(uri)
            rows = database.open_table(PASSAGES)
            stored = json.loads((rows.schema.metadata or {}).get(b"lusifer", b"{}"))
            if stored.get("version", 0) > VERSION:
                raise LusiferError(
                    f"{uri}: made by a newer lusifer (index version {stored['version']}, this one reads {VERSION}); upgrade"
                )
            about = About(**stored)
            files = database.open_table(FILES)
        if not isinstance(model, LoadedModel):
            model = LoadedModel.load(model) if model else _maker(about)
        if not model.is_that(about.hash) or model.embedder.dim != about.dim:
            raise LusiferError(
                f"{uri}: made by the model {about.model} (hash {about.hash[:12]}, {about.dim} numbers), not by {model.name} "
                f"(hash {model.hash[:12]}, {model.embedder.dim}); search with -m {about.model}, or index into another folder"
            )
        return cls(str(uri), model, database, rows, files)

    @property
    def embedder(self) -> Embedder:
        """The model of its vectors."""
        return self.model.embedder

    def __len__(self) -> int:
        return int(self.rows.count_rows())

    @renamed(question="query", top="top_k", only="where")
    def search(
        self, query: str, *, top_k: int = 10, mode: Mode = "hybrid", where: Filter | None = None
    ) -> list[Hit]:
        """Search the index.

        Args:
            query: in any language.
            top_k: passages to find.
            mode: by vector (`dense`), by words (`text`), or both.
            where: languages, paths or times that may be found.

        Returns:
            The passages, best first.

        Raises:
            LusiferError: for an empty query or an unknown mode.
        """
        return search(self, query, top_k=top_k, mode=mode, where=where)

    def update(self, paths: Sequence[str | Path], tell: Tell | None = None) -> IndexReport:
        """Bring the index in line with files: new ones are added, changed ones read again, lost ones dropped.

        Args:
            paths: files and folders; with none, all that it was given before.
            tell: gets the path, files done and files in all, before each file that is read.

        Returns:
            Counts, and the reason of each file that could not be read.

        Raises:
            LusiferError: where another process is writing, or the disk is full.
        """
        with _only_writer(self.uri), disk_errors(self.uri), table_errors(self.uri):
            self.rows.checkout_latest()
            self.files.checkout_latest()
            known = {row["path"]: row for row in self.files.to_arrow().to_pylist()}
            roots = [str(Path(p).expanduser().resolve()) for p in paths] or sorted(
                {row["root"] for row in known.values()}
            )
            if paths:
                found = {file.path: file for file in walk(paths)}
            else:
                found = {
                    file.path: file
                    for file in walk([root for root in roots if Path(root).exists()])
                }
            report = IndexReport()
            if len(self) != sum(row["passages"] for row in known.values()):
                self._drop_unlisted(known)
            gone = sorted(
                path
                for path in known
                if path not in found and any(_is_below(path, root) for root in roots)
            )
            self._drop(gone)
            report.removed = len(gone)
            new = [file for file in found.values() if not _same(known.get(file.path), file)]
            report.unchanged = len(found) - len(new)
            self._add(new, known, report, tell)
            report.passages = len(self)
            if report.added or report.changed or report.removed or not self._has_words():
                self._tend()
        return report

    def _add(
        self, new: list[Found], known: dict[str, Any], report: IndexReport, tell: Tell | None
    ) -> None:
        held: list[dict[str, Any]] = []
        finished: list[tuple[Found, str, int]] = []

        def flush() -> None:
            if held:
                self.rows.add(self._table(held))
                held.clear()
            self._list(finished, known)
            finished.clear()

        for done, file in enumerate(new):
            if tell:
                tell(file.path, done, len(new))
            old = known.get(file.path)
            try:
                content = sha256(file.path)
                if old and old["hash"] == content:
                    finished.append((file, content, old["passages"]))
                    report.unchanged += 1
                    continue
                count = 0
                for row in _passages(file, content):
                    held.append(row)
                    count += 1
                    if len(held) >= BATCH:
                        self.rows.add(self._table(held))
                        held.clear()
            except (DataError, OSError) as error:
                report.skipped.append(str(error))
                held = [row for row in held if row["path"] != file.path]
                self._drop([file.path])
                continue
            finished.append((file, content, count))
            report.changed += bool(old)
            report.added += not old
            if len(held) >= BATCH // 2:
                flush()
        flush()

    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        import pyarrow as pa

        asked = "document" if "document" in self.model.embedder.prompts else None
        vectors = self.model.embedder.encode([row["text"] for row in rows], prompt=asked)
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        flat = pa.FixedSizeListArray.from_arrays(
            pa.array(vectors.ravel(), pa.float32()), vectors.shape[1]
        )
        return pa.table({**columns, "vector": flat}, schema=self.rows.schema)

    def _list(self, finished: list[tuple[Found, str, int]], known: dict[str, Any]) -> None:
        """Name these files in the list, and then drop what their earlier contents left."""
        if not finished:
            return
        import pyarrow as pa

        listed = [
            {**asdict(file), "hash": content, "passages": count}
            for file, content, count in finished
        ]
        table = pa.Table.from_pylist(listed, schema=self.files.schema)
        self.files.merge_insert(
            "path"
        ).when_matched_update_all().when_not_matched_insert_all().execute(table)
        for file, content, _ in finished:
            if file.path in known and known[file.path]["hash"] != content:
                self.rows.delete(f"path = {quoted(file.path)} AND hash != {quoted(content)}")

    def _drop(self, paths: list[str]) -> None:
        """The list first: a row that is not listed is dropped by the next run, a listed one without
        rows would be missed.
        """
        for i in range(0, len(paths), 500):
            these = ", ".join(quoted(path) for path in paths[i : i + 500])
            self.files.delete(f"path IN ({these})")
            self.rows.delete(f"path IN ({these})")

    def _drop_unlisted(self, known: dict[str, Any]) -> None:
        """Rows of a run that was killed: of a file, or of a content, that the list does not name."""
        held = self.rows.search().select(["path", "hash"]).to_arrow()
        for pair in held.group_by(["path", "hash"]).aggregate([]).to_pylist():
            if known.get(pair["path"], {}).get("hash") != pair["hash"]:
                self.rows.delete(f"path = {quoted(pair['path'])} AND hash = {quoted(pair['hash'])}")

    def _has_words(self) -> bool:
        return any("words" in index.columns for index in self.rows.list_indices())

    def _tend(self) -> None:
        """Bring the full-text index, and above `FLAT` the vectors' one, up to date."""
        from datetime import timedelta

        from lancedb.index import FTS, IvfFlat

        count = len(self)
        if not count:
            return
        if not self._has_words():
            words = FTS(
                base_tokenizer="whitespace",
                stem=False,
                remove_stop_words=False,
                ascii_folding=False,
                lower_case=False,
            )
            self.rows.create_index("words", config=words)
        if count >= FLAT:
            named = next(
                (index.name for index in self.rows.list_indices() if "vector" in index.columns),
                None,
            )
            outside = self.rows.index_stats(named).num_unindexed_rows if named else count
            if outside > STALE * count:
                inverted = IvfFlat(distance_type="dot", num_partitions=max(1, int(count**0.5) // 2))
                self.rows.create_index("vector", config=inverted, replace=True)
        self.rows.optimize(cleanup_older_than=timedelta(hours=1))


def _passages(file: Found, content: str) -> Iterator[dict[str, Any]]:
    """The rows of one file, without vectors."""
    number = 0
    for section in sections(file.path):
        for start, end in passages(section.text):
            text = section.text[start:end]
            yield {
                "path": file.path,
                "hash": content,
                "number": number,
                "place": section.position_at(start),
                "unit": section.unit,
                "text": " ".join(text.split()),
                "words": terms(text),
                "language": language(text),
                "modified": file.modified // 1_000_000_000,
            }
            number += 1


def language(text: str) -> str:
    """The ISO 639-1 code of a passage's language, or "" where it is too short to tell."""
    return identify(text)[0] if sum(c.isalpha() for c in text) >= LETTERS else ""


def _maker(about: About) -> LoadedModel:
    """The model that made an index. `default` was once the table that is `static` now."""
    model = LoadedModel.load(about.model)
    if about.model == DEFAULT and not model.is_that(about.hash):
        table = LoadedModel.load(TABLE)
        return table if table.is_that(about.hash) else model
    return model


def _schema(about: About) -> pa.Schema:
    import pyarrow as pa

    kinds = {"number": pa.int32(), "place": pa.int32(), "modified": pa.int64()}
    names = ("path", "hash", "number", "place", "unit", "text", "words", "language", "modified")
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in names]
    return pa.schema(
        [*fields, pa.field("vector", pa.list_(pa.float32(), about.dim))],
        metadata={"lusifer": json.dumps(asdict(about))},
    )


def _same(row: dict[str, Any] | None, file: Found) -> bool:
    return row is not None and (row["size"], row["modified"]) == (file.size, file.modified)


def _is_below(path: str, root: str) -> bool:
    return path == root or Path(root) in Path(path).parents


@contextlib.contextmanager
def _only_writer(uri: str) -> Iterator[None]:
    """Hold the index against a second writer; the system lets go when the process ends, however it
    ends.
    """
    if "://" in uri:
        yield
        return
    with locked(uri, f"{uri}: another process is indexing into it; wait until it has ended"):
        yield
