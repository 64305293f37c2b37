"""An index of files: passages, their vectors and words in one LanceDB table, and the list of files
that they come from.

Method: `update` says how files come in. LanceDB keeps versions, so a search sees a whole one while
an update writes; one that was killed is resumed, and ends with the same rows. Cost: embedding;
vectors are searched one by one in a small index, by an inverted file in a large one. Not for one
writer and many machines.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lusifer.errors import LusiferError
from lusifer.io import disk_errors, locked, named
from lusifer.models import DEFAULT, TABLE, Embedder, LoadedModel, Reranker
from lusifer.renamed import renamed
from lusifer.search.parquet import write_parquet
from lusifer.search.passages import (
    Passage,
    Sample,
    count_languages,
    find_similar,
    passages_around,
    sample_passages,
)
from lusifer.search.queries import QUERIES, QueryReport, prune_queries, put_queries, query_schema
from lusifer.search.query import Filter, Hit, Mode, search
from lusifer.search.remove import Forgotten, IndexedFile, Removal
from lusifer.search.table import AT_ONCE, FILES, PASSAGES, ROOTS, connect, table_errors, table_names
from lusifer.search.texts import Addition
from lusifer.search.tokens import token_dim, token_field
from lusifer.search.update import IndexReport, Tell, Update

if TYPE_CHECKING:
    import pyarrow as pa


# 1 compared words otherwise, and did not keep the folders that it was given; 2 compared words
# otherwise, and joined short paragraphs of different scripts
VERSION = 3


@dataclass(frozen=True)
class About:
    """What the index's table says of itself."""

    version: int
    model: str
    hash: str
    dim: int
    tokens: int = 0  # numbers of a token's vector; 0 where passages have one vector alone


class Index:
    """An index in a folder (or at an object store's URL)."""

    def __init__(self, uri: str, model: LoadedModel, database: Any) -> None:
        self.uri, self.model, self.database = uri, model, database
        self.rows, self.files, self.roots = map(database.open_table, (PASSAGES, FILES, ROOTS))
        self.queries = database.open_table(QUERIES) if QUERIES in table_names(database) else None

    @classmethod
    def create(
        cls,
        uri: str | Path,
        model: LoadedModel | str | Path = DEFAULT,
        *,
        multi_vector: bool = False,
    ) -> Index:
        """Make a new index, or open the one that is there if the same model made it.

        Args:
            uri: a folder, or an object store's URL.
            model: as for `load`.
            multi_vector: keep a vector a token too, for `mode="tokens"`: a hundred times the space.

        Returns:
            The index.

        Raises:
            LusiferError: where the folder holds other things, or another model's index; for
                `multi_vector` with a model that has one vector a text alone.
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
        tokens = token_dim(model.embedder) if multi_vector else 0
        with disk_errors(uri), table_errors(uri):
            database = connect(uri)
            if PASSAGES in table_names(database):
                return cls.open(uri, model)
            about = About(VERSION, model.name, model.hash, model.embedder.dim, tokens)
            files = pa.schema([("path", pa.string()), ("root", pa.string()), ("hash", pa.string())])
            for name in ("size", "modified", "touched", "passages"):
                files = files.append(pa.field(name, pa.int64()))
            database.create_table(FILES, schema=files, exist_ok=True)
            roots = pa.schema([("path", pa.string())])
            database.create_table(ROOTS, schema=roots, exist_ok=True)
            database.create_table(QUERIES, schema=query_schema(about.dim), exist_ok=True)
            database.create_table(PASSAGES, schema=_schema(about))
            return cls(str(uri), model, database)

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
            if (version := stored.get("version", 0)) < VERSION:
                raise LusiferError(
                    f"{uri}: made by an earlier lusifer (index version {version}, this one {VERSION}), "
                    "which compared words otherwise; index the same files into another folder"
                )
            about = About(**stored)
        if not isinstance(model, LoadedModel):
            model = LoadedModel.load(model) if model else _maker(about)
        if not model.is_that(about.hash) and model.name == about.model:
            raise LusiferError(
                f"{uri}: made by {about.model} as it was before (hash {about.hash[:12]}, now {model.hash[:12]}); "
                "index the same files into another folder"
            )
        if not model.is_that(about.hash) or model.embedder.dim != about.dim:
            raise LusiferError(
                f"{uri}: made by the model {about.model} (hash {about.hash[:12]}, {about.dim} numbers), not by {model.name} "
                f"(hash {model.hash[:12]}, {model.embedder.dim}); search with -m {about.model}, or index into another folder"
            )
        with table_errors(uri):
            return cls(str(uri), model, database)

    @property
    def embedder(self) -> Embedder:
        """The model of its vectors."""
        return self.model.embedder

    @property
    def version(self) -> int:
        """A number that another is there for whenever what the index holds has changed.

        Raises:
            DamagedIndex: where the index is damaged, or gone.
        """
        with table_errors(self.uri):
            self.rows.checkout_latest()
            return int(self.rows.version)

    def __repr__(self) -> str:
        return f"<Index {self.uri}: {len(self):,} passages, made by {self.model.name}>"

    def __len__(self) -> int:
        return int(self.rows.count_rows())

    @renamed(question="query", top="top_k", only="where")
    def search(
        self,
        query: str,
        *,
        top_k: int = 10,
        mode: Mode = "hybrid",
        where: Filter | None = None,
        prompt: str = "query",
        reranker: Reranker | None = None,
    ) -> list[Hit]:
        """Search the index.

        Args:
            query: in any language.
            top_k: passages to find.
            mode: by vector (`dense`), by words (`text`), or both.
            where: languages, paths or times that may be found.
            prompt: how the query is asked: one of the model's prompts.
            reranker: a function from (query, passage) pairs to scores, such as
                `lusifer.load_reranker` gives: the best 50 of what was found are sorted by it.

        Returns:
            The passages, best first.

        Raises:
            LusiferError: for an empty query, an unknown mode or prompt.
        """
        how: dict[str, Any] = {"mode": mode, "where": where, "prompt": prompt}
        return search(self, query, top_k=top_k, reranker=reranker, **how)

    def similar(
        self, path: str, number: int, *, top_k: int = 10, where: Filter | None = None
    ) -> list[Hit]:
        """Passages like one of the index.

        Args:
            path: the passage's file, as a hit gives it.
            number: its number in that file, as a hit gives it.
            top_k: passages to find.
            where: languages, paths or times that may be found.

        Returns:
            The others nearest to it, best first.

        Raises:
            LusiferError: where the index has no such passage.
        """
        return find_similar(self, path, number, top_k=top_k, where=where)

    def around(self, path: str, number: int, *, before: int = 1, after: int = 1) -> list[Passage]:
        """A passage and its neighbours in its file.

        Args:
            path: the passage's file, as a hit gives it.
            number: its number in that file, as a hit gives it.
            before: how many before it.
            after: how many after it.

        Returns:
            The passages in the file's order.

        Raises:
            LusiferError: where the index has no such passage.
        """
        return passages_around(self, path, number, before, after)

    def sample(self, size: int, *, seed: int = 0) -> Sample:
        """Passages drawn at random, with their vectors.

        Args:
            size: at most so many.
            seed: of the draw.

        Returns:
            The passages and float32 (n, dim).

        Raises:
            LusiferError: where the index is damaged.
        """
        return sample_passages(self, size, seed)

    def languages(self) -> dict[str, int]:
        """How many passages each language has, the most frequent first, by ISO 639 code.

        Raises:
            LusiferError: where the index is damaged.
        """
        return count_languages(self)

    def update(
        self, paths: str | Path | Iterable[str | Path], tell: Tell | None = None
    ) -> IndexReport:
        """Bring the index in line with files: new ones are added, changed ones read again, lost ones dropped.

        Args:
            paths: files and folders, or one of them; with none, all that it was given before.
            tell: gets the path, files done and files in all, before each file that is read, and each
                time that some more of a long one is in; what it raises ends the update, and the next
                one goes on.

        Returns:
            Counts, and the reason of each file that could not be read.

        Raises:
            LusiferError: where another process is writing, or the disk is full.
        """
        with self._writing() as tables:
            return Update(*tables, self.embedder).run(named(paths), tell)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> IndexReport:
        """Put in texts that are in no file. An id that is there already gets the new text.

        Args:
            rows: `{"id": …, "text": …}` each; a hit's path is `text:` and the id.

        Returns:
            Counts; texts that are there as they are cost nothing.

        Raises:
            LusiferError: for a row without id or text (what came some ten thousands of rows before
                it is in), or where another process is writing, or the disk is full.
        """
        with self._writing() as tables:
            return Addition(*tables, self.embedder).put(rows)

    def delete(self, ids: str | Iterable[str]) -> int:
        """Take out texts that `add` put in.

        Args:
            ids: of them.

        Returns:
            How many went.

        Raises:
            LusiferError: for an id that is not there, and then none goes; or where another process
                is writing.
        """
        with self._writing() as tables:
            return Addition(*tables, self.embedder).drop([ids] if isinstance(ids, str) else ids)

    def add_queries(self, rows: Iterable[Mapping[str, Any]]) -> QueryReport:
        """Put in queries that passages answer, each as a further vector of its passage: such as
        `synthesize_pairs` writes, or as users asked.

        Args:
            rows: `{"query": …, "document": …}` each; the document is a passage's text.

        Returns:
            Counts; queries that are there already cost nothing.

        Raises:
            LusiferError: for a row without query or document (what came some thousands of rows
                before it is in), or where another process is writing, or the disk is full.
        """
        with self._writing() as (passages, _, _):
            if self.queries is None:  # an index that was made before there were any
                schema = query_schema(self.embedder.dim)
                self.queries = self.database.create_table(QUERIES, schema=schema, exist_ok=True)
            self.queries.checkout_latest()
            return put_queries(self.queries, passages, self.embedder, rows)

    def export(self, file: str | Path) -> int:
        """Write all passages and their vectors into one Parquet file.

        Args:
            file: a new one, or one that is replaced when the new one is whole.

        Returns:
            How many passages there are.

        Raises:
            LusiferError: where the index is damaged, or the disk is full.
        """
        return write_parquet(self, file)

    def list_files(self) -> list[IndexedFile]:
        """What is in the index.

        Returns:
            Its files, in the order of their paths.

        Raises:
            LusiferError: where the index is damaged.
        """
        with table_errors(self.uri):
            self.files.checkout_latest()
            rows = self.files.to_arrow().to_pylist()
        names = IndexedFile.__dataclass_fields__
        listed = (IndexedFile(**{name: row[name] for name in names}) for row in rows)
        return sorted(listed, key=lambda file: file.path)

    def forget(self, paths: str | Path | Iterable[str | Path]) -> Forgotten:
        """Take files out of the index, and folders with all that is below them. The files themselves
        stay as they are.

        Args:
            paths: files and folders, or one of them, whether they still exist or not.

        Returns:
            What went, and the folders that hold some of it and are still followed: an update reads
            those again.

        Raises:
            LusiferError: for a path that the index knows nothing of, or where another process is writing.
        """
        with self._writing() as tables:
            gone = Removal(*tables).run(named(paths))
            if self.queries is not None:
                self.queries.checkout_latest()
                prune_queries(self.queries, self.rows)
            return gone

    def compact(self) -> None:
        """Let go of what earlier versions of the index hold, and join its small pieces. A search that
        is under way in that moment may miss its version; later ones see no difference.

        Raises:
            LusiferError: where another process is writing, or the disk is full.
        """
        with self._writing() as tables:
            all_tables = [*tables]
            if self.queries is not None:
                self.queries.checkout_latest()
                prune_queries(self.queries, self.rows)
                all_tables.append(self.queries)
            for table in all_tables:
                table.optimize(cleanup_older_than=AT_ONCE)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tuple[Any, Any, Any]]:
        """The tables as they are now, this process their only writer."""
        with _only_writer(self.uri), disk_errors(self.uri), table_errors(self.uri):
            tables = self.rows, self.files, self.roots
            for table in tables:
                table.checkout_latest()
            yield tables


def _maker(about: About) -> LoadedModel:
    """The model that made an index. `default` was once the table that is `static` now."""
    model = LoadedModel.load(about.model)
    if about.model == DEFAULT and not model.is_that(about.hash):
        table = LoadedModel.load(TABLE)
        return table if table.is_that(about.hash) else model
    return model


def _schema(about: About) -> pa.Schema:
    import pyarrow as pa

    kinds = {"number": pa.int32(), "position": pa.int32(), "modified": pa.int64()}
    names = ("path", "hash", "number", "position", "unit", "text", "words", "language", "modified")
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in names]
    vectors = [pa.field("vector", pa.list_(pa.float16(), about.dim))]
    vectors += [token_field(about.tokens)] if about.tokens else []
    return pa.schema(
        [*fields, *vectors],
        metadata={"lusifer": json.dumps(asdict(about))},
    )


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
