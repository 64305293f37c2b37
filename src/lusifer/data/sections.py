"""Files as people have them → pieces of text with their place: text, Markdown, HTML, CSV/TSV,
JSONL, Parquet, PDF.

A `Section` is a stretch of text and where it stands (line, row or page). Files are streamed; what
cannot be read raises DataError, with the file and, where there is one, the place. Nothing is
guessed: a file is UTF-8 (or UTF-16 with its mark).
"""

from __future__ import annotations

import codecs
import csv
import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from lusifer.errors import DataError

TEXT = (
    ".txt",
    ".text",
    ".md",
    ".markdown",
    ".rst",
    ".org",
    ".adoc",
    ".tex",
    ".srt",
    ".vtt",
    ".log",
)
PAGES = (".html", ".htm", ".xhtml")
TABLES = (".csv", ".tsv")
KINDS = (*TEXT, *PAGES, *TABLES, ".jsonl", ".parquet", ".pdf")
BLOCK = 1 << 16  # characters of a text file that are cut into passages at once
LONGEST = 8 << 20  # bytes of a line; a longer one is no text
WHOLE = 64 << 20  # bytes of a page of HTML, which is parsed whole


@dataclass(frozen=True)
class Section:
    """A stretch of text, and the line, row or page (from 1) that it begins at."""

    text: str
    place: int
    unit: str
    marks: tuple[
        tuple[int, int], ...
    ] = ()  # (offset, line) of blocks whose lines are not those of `text`

    def place_at(self, offset: int) -> int:
        """The line, row or page of a place in the text."""
        if self.marks:
            return self.marks[max(0, bisect_right(self.marks, (offset, 1 << 60)) - 1)][1]
        return self.place + (self.text.count("\n", 0, offset) if self.unit == "line" else 0)


def sections(path: str | Path) -> Iterator[Section]:
    """The text of one file, in order. Raises DataError where it is none, or cannot be read."""
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT:
            yield from _text(path)
        elif suffix in PAGES:
            yield from _html(path)
        elif suffix in TABLES:
            yield from _table(path, "," if suffix == ".csv" else "\t")
        elif suffix == ".jsonl":
            yield from _jsonl(path)
        elif suffix == ".parquet":
            yield from _parquet(path)
        elif suffix == ".pdf":
            yield from _pdf(path)
        else:
            raise DataError(path, None, f"unknown format; the endings are {', '.join(KINDS)}")
    except PermissionError:
        raise DataError(path, None, "may not be read (permission denied)") from None
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from None


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of each line, the line's end kept."""
    with path.open("rb") as stream:
        head = stream.read(4)
        wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        stream.seek(0)
        if wide:
            if path.stat().st_size > WHOLE:
                raise DataError(
                    path, None, f"is UTF-16 and larger than {WHOLE >> 20} MB; save it as UTF-8"
                )
            yield from enumerate(
                _decode(path, None, stream.read(), "utf-16").splitlines(keepends=True), 1
            )
            return
        number = 0
        while line := stream.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                raise DataError(
                    path, number, f"the line is longer than {LONGEST >> 20} MB; this is no text"
                )
            if b"\0" in line:
                raise DataError(path, number, "holds a NUL byte: a binary file")
            yield number, _decode(path, number, line, "utf-8-sig" if number == 1 else "utf-8")


def _decode(path: Path, number: int | None, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            path,
            number,
            f"not {encoding.removesuffix('-sig').upper()} (byte 0x{data[error.start]:02x}); save it as UTF-8",
        ) from None


def _text(path: Path) -> Iterator[Section]:
    """Blocks of whole paragraphs, so that a large file is never held whole."""
    held: list[str] = []
    size, first = 0, 1
    for number, line in lines(path):
        if size > BLOCK and (not line.strip() or size > 4 * BLOCK):
            yield Section("".join(held), first, "line")
            held, size, first = [], 0, number
        held.append(line)
        size += len(line)
    if held:
        yield Section("".join(held), first, "line")


class _Reader(HTMLParser):
    """The text of a page, with a blank line between its blocks and each one's line."""

    HIDDEN = frozenset({"script", "style", "noscript", "template", "svg"})
    BLOCKS = frozenset(
        "address article aside blockquote br dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr "
        "li main nav ol p pre section table td th tr ul title".split()
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hidden = 0
        self.blocks: list[tuple[int, list[str]]] = [(1, [])]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden += tag in self.HIDDEN
        self._cut(tag)

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in self.HIDDEN))
        self._cut(tag)

    def _cut(self, tag: str) -> None:
        if tag in self.BLOCKS and self.blocks[-1][1]:
            self.blocks.append((self.getpos()[0], []))

    def handle_data(self, data: str) -> None:
        if not self.hidden and data.strip():
            if not self.blocks[-1][1]:
                self.blocks[-1] = (
                    self.getpos()[0] + data[: len(data) - len(data.lstrip())].count("\n"),
                    [],
                )
            self.blocks[-1][1].append(data)


def _html(path: Path) -> Iterator[Section]:
    if path.stat().st_size > WHOLE:
        raise DataError(path, None, f"is larger than {WHOLE >> 20} MB, too large for a page")
    reader = _Reader()
    reader.feed("".join(line for _, line in lines(path)))
    reader.close()
    text, marks = "", []
    for line, parts in reader.blocks:
        block = " ".join("".join(parts).split())
        if block:
            text += "\n\n" if text else ""
            marks.append((len(text), line))
            text += block
    if text:
        yield Section(text, marks[0][1], "line", tuple(marks))


def _table(path: Path, delimiter: str) -> Iterator[Section]:
    """Each row as one text, its cells with letters joined by a bar."""
    text = (line for _, line in lines(path))
    reader = (
        csv.reader(text)
        if delimiter == ","
        else csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    )
    csv.field_size_limit(LONGEST)
    try:
        for row in reader:
            cells = " | ".join(cell.strip() for cell in row if any(c.isalpha() for c in cell))
            if cells:
                yield Section(cells, reader.line_num, "row")
    except csv.Error as error:
        raise DataError(path, reader.line_num, f"not a table ({error})") from None


def _jsonl(path: Path) -> Iterator[Section]:
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(path, number, f"not JSON ({error.msg})") from None
        text = "\n".join(_strings(value))
        if text:
            yield Section(text, number, "row")


def _strings(value: Any) -> Iterator[str]:
    """All strings with a letter in them, in order, at any depth."""
    if isinstance(value, str):
        if any(c.isalpha() for c in value):
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _parquet(path: Path) -> Iterator[Section]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = [
            f.name
            for f in file.schema_arrow
            if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
        ]
        if not names:
            raise DataError(path, None, "has no column of text")
        number = 0
        for batch in file.iter_batches(1024, columns=names):
            for row in batch.to_pylist():
                number += 1
                text = "\n".join(_strings(row))
                if text:
                    yield Section(text, number, "row")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(path, None, f"not Parquet ({str(error).splitlines()[0]})") from None


def _pdf(path: Path) -> Iterator[Section]:
    import logging

    import pypdf

    logging.getLogger("pypdf").setLevel(
        logging.CRITICAL
    )  # its notes on odd files; what matters is raised
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(path, None, "is encrypted")
        any_text = False
        for number, page in enumerate(reader.pages, 1):
            text = page.extract_text()
            if text.strip():
                any_text = True
                yield Section(text, number, "page")
    except DataError:
        raise
    except Exception as error:  # pypdf raises many kinds on a damaged file
        raise DataError(
            path, None, f"a PDF that cannot be read ({' '.join(str(error).split())[:120]})"
        ) from None
    if not any_text:
        raise DataError(path, None, "a PDF without text (scanned?)")
