"""Pairs by pivoting: two texts that are translations of one text say the same.

Method: rows of translations are sorted by their pivot on disk (the English side: texts of other languages
meet; or the other side: English texts meet); two texts of one pivot are a paraphrase where they are of one
language, a translation where they are of two (Bannard and Callison-Burch 2005, P05-1074; ParaNMT,
arXiv 1711.05732). Pivots that differ in case and marks alone are one; a pair that does is none. Of a
pivot at most `per_pivot` pairs are taken, drawn by hashes. Cost: a sort on disk, and the texts of one
pivot in memory. Not for short pivots, which mean many things ("Right."): `min_chars`.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Literal

from lusifer.curation.pairs import output_name, write_row
from lusifer.curation.report import CurationReport
from lusifer.data import read_rows
from lusifer.errors import LusiferError
from lusifer.io import disk_errors, expand, made_folder, named, refuse_input, replacing_file
from lusifer.text import ENGLISH, comparable

By = Literal["english", "text"]
Kind = Literal["paraphrases", "translations", "any"]
Told = tuple[str, str]  # language and text
EMPTY, SHORT, ALONE, MANY = (
    "an empty text",
    "a pivot shorter than min_chars",
    "a pivot with no second text",
    "texts past the most of a pivot",
)


@dataclass(frozen=True)
class Pivot:
    """`by`: the side that two rows share. `kind`: pairs of one language, of two, or both. A pivot of
    more than `most` texts is read up to there.
    """

    by: By = "english"
    kind: Kind = "any"
    per_pivot: int = 4
    min_chars: int = 20
    most: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("per_pivot", "min_chars"):
            if getattr(self, name) < 1:
                raise LusiferError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.most < 2:
            raise LusiferError(f"most is {self.most}; a pair wants 2 texts or more")
        if self.by == "text" and self.kind == "translations":
            raise LusiferError("by=text pairs English with English; there are no translations")


def pivot_pairs(
    files: Sequence[str],
    into: str | Path,
    settings: Pivot | None = None,
    *,
    columns: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
) -> CurationReport:
    """Make pairs of texts that share a translation; the method is described in
    `lusifer.curation.pivot`.

    Args:
        files: TSV, JSONL or Parquet files of translations, or globs: columns `english` and `text`, and
            `language`, the text's.
        into: the .jsonl file to write: `query`, `document`, the `language` of both or of the document,
            and `query_language`; its report lies beside it.
        settings: which side is the pivot, and which pairs are wanted.
        columns: the columns of a TSV in order, `_` for one that is not used.
        rename: other names of the columns, e.g. {"translation": "text"}.

    Returns:
        Counts of what was read, written and dropped, by reason.

    Raises:
        DataError: for a file that cannot be read.
        LusiferError: for a missing column, or where no two texts share a pivot.
    """
    output, settings, files = output_name(into), settings or Pivot(), named(files)
    refuse_input(output, expand(files))
    report = CurationReport("pivot", {"files": list(files), **asdict(settings)})
    with made_folder(output.parent), disk_errors(output):
        try:
            _write(_sides(files, columns, rename or {}, settings, report), output, settings, report)
        except sqlite3.OperationalError as error:  # of which a full disk is one
            raise LusiferError(f"{output}: rows could not be sorted ({error})") from error
    report.save(output)
    return report


def _write(
    sides: Iterable[tuple[bytes, str, str]], output: Path, settings: Pivot, report: CurationReport
) -> None:
    """Sort the sides by their pivots, beside the output, and write the pairs of each."""
    with (
        tempfile.TemporaryDirectory(prefix=".lusifer-pivot-", dir=output.parent) as aside,
        closing(sqlite3.connect(Path(aside) / "rows")) as rows,
    ):
        rows.execute("pragma journal_mode = off")
        rows.execute("create table side (pivot blob, language text, text text)")
        rows.executemany("insert into side values (?, ?, ?)", sides)
        found = rows.execute(
            "select pivot, language, text from side order by pivot, language, text"
        )
        with replacing_file(output) as stream:
            for _, group in groupby(found, key=lambda row: row[0]):
                texts = [(language, text) for _, language, text in group]
                for first, second in paired(texts, settings, report):
                    row = {"query": first[1], "document": second[1], "language": second[0]}
                    write_row(stream, row | {"query_language": first[0]})
                    report.written += 1
            if not report.written:
                lost = "; ".join(f"{count:,} {why}" for why, count in report.dropped.most_common())
                raise LusiferError(f"no two texts share a pivot ({lost or 'no rows were read'})")


def _sides(
    files: Sequence[str],
    columns: Sequence[str] | None,
    rename: Mapping[str, str],
    settings: Pivot,
    report: CurationReport,
) -> Iterator[tuple[bytes, str, str]]:
    """(a hash of the pivot, the other side's language, its text) of each row."""
    for path in expand(files):
        for number, row in enumerate(read_rows(path, columns)):
            values = {rename.get(name, name): text for name, text in row.values.items()}
            for name in ("english", "text"):
                if name not in values and number:  # of this row alone: it has no such side
                    values[name] = ""
                elif name not in values:
                    raise LusiferError(
                        f"{path}: no column {name!r}; its columns are {', '.join(values)} (name them with --columns, or --rename old=new)"
                    )
            report.read += 1
            english, text = values["english"].strip(), values["text"].strip()
            language = values.get("language", "und")
            pivot, other = (english, text) if settings.by == "english" else (text, english)
            if len(pivot) < settings.min_chars or not other:
                report.drop(SHORT if other else EMPTY)
                continue
            said = (
                comparable(pivot) if settings.by == "english" else f"{language} {comparable(pivot)}"
            )
            key = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=12).digest()
            yield key, ENGLISH if settings.by == "text" else language, _storable(other)


def _storable(text: str) -> str:
    """A text without halves of characters, which no database takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def paired(
    texts: Iterable[Told], settings: Pivot, report: CurationReport
) -> Iterator[tuple[Told, Told]]:
    """A pivot's pairs.

    Args:
        texts: (language, text) of all its rows.
        settings: how many, and of which kind.
        report: counts what was left out.

    Returns:
        Pairs of (language, text), drawn by hashes: each text meets those next to it in a random order
        that depends on the seed and the texts alone.
    """
    distinct: dict[tuple[str, str], Told] = {}
    for language, text in texts:
        distinct.setdefault((language, comparable(text)), (language, text))
    if len(distinct) < 2:
        report.drop(ALONE, len(distinct))
        return
    order = sorted(distinct.values(), key=lambda told: _hash(settings.seed, *told))
    report.drop(MANY, max(0, len(order) - settings.most))
    order, taken = order[: settings.most], 0
    for step in range(1, len(order)):
        for first, second in zip(order, order[step:], strict=False):
            same = first[0] == second[0]
            if settings.kind != "any" and same != (settings.kind == "paraphrases"):
                continue
            yield first, second
            taken += 1
            if taken == settings.per_pivot:
                return


def _hash(seed: int, language: str, text: str) -> bytes:
    said = f"{seed} {language} {text}".encode("utf-8", "surrogatepass")
    return blake2b(said, digest_size=8).digest()
