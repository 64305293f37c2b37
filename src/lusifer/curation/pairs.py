"""Pairs of a query and a document, as every step of curation reads them: what is no pair is counted
and left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from lusifer.curation.report import CurationReport
from lusifer.data import Row, format_of, read_rows
from lusifer.errors import LusiferError
from lusifer.io import expand

EMPTY, SAME = "an empty query or document", "the query is its own document"


def read_pairs(
    files: Sequence[str],
    columns: Sequence[str] | None,
    rename: Mapping[str, str],
    report: CurationReport,
) -> Iterator[Row]:
    """Rows with a `query` and a `document`, white space at their ends taken off.

    `columns` names a TSV's columns, `rename` gives columns of other names ours. Raises DataError
    for a file or line that cannot be read, LusiferError where the columns hold no query or
    document.
    """
    for path in expand(files):
        for number, row in enumerate(read_rows(path, columns)):
            values = {rename.get(name, name): text for name, text in row.values.items()}
            for name in ("query", "document"):
                if name not in values and number:  # of this row alone: it has no such side
                    values[name] = ""
                elif name not in values:
                    have = ", ".join(values)
                    raise LusiferError(
                        f"{path}: no column {name!r}; its columns are {have} (name them with --columns, or --rename old=new)"
                    )
            report.read += 1
            values |= {"query": values["query"].strip(), "document": values["document"].strip()}
            if not values["query"] or not values["document"]:
                report.drop(EMPTY)
            elif values["query"] == values["document"]:
                report.drop(SAME)
            else:
                yield Row(row.path, row.line, values)


def output_name(into: str | Path) -> Path:
    """The output's path. Raises LusiferError for another ending than .jsonl, which every reader of
    ours and theirs takes.
    """
    if Path(into).suffix != ".jsonl":
        raise LusiferError(f"{into}: the output is JSON lines; name it with .jsonl at the end")
    return Path(into)


def as_it_was(row: Row) -> dict[str, Any]:
    """A row's columns for JSON, its scores numbers again."""
    scores = (
        {"scores": [float(value) for value in row.values["scores"].split()]}
        if "scores" in row.values
        else {}
    )
    return {**row.values, **scores}


def write_row(stream: IO[bytes], row: Mapping[str, Any]) -> None:
    """A line of JSON."""
    stream.write((json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass"))


def read_passages(files: Sequence[str], rename: Mapping[str, str]) -> Iterator[Row]:
    """Further passages: rows with a `document`, or a `text` that is one; a .txt file's lines."""
    for path in expand(files):
        for row in read_rows(path, None if format_of(path).named else ["document"]):
            values = {rename.get(name, name): text for name, text in row.values.items()}
            values.setdefault("document", values.get("text", ""))
            if not values["document"]:
                raise LusiferError(
                    f"{path}:{row.line}: no text in a column document or text; the columns are {', '.join(row.values)}"
                )
            yield Row(row.path, row.line, values)
