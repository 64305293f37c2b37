"""Running text, marked up or not: a row a line, sections of whole paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from lusifer.data.formats.base import Format, Problem, Row, Section
from lusifer.data.formats.text_lines import count_lines, lines, scan_lines

BLOCK = 1 << 16  # characters of a file that are a section at least, so that none is held whole


class Marked(Format):
    """Text with paragraphs, whose lines are no rows."""

    endings: ClassVar[tuple[str, ...]] = (
        ".md",
        ".markdown",
        ".rst",
        ".org",
        ".adoc",
        ".tex",
        ".log",
    )
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        block: list[str] = []
        size, first = 0, 1
        for number, line in lines(path):
            if size > BLOCK and (not line.strip() or size > 4 * BLOCK):
                yield Section("".join(block), first, "line")
                block, size, first = [], 0, number
            block.append(line)
            size += len(line)
        if block:
            yield Section("".join(block), first, "line")


class Code(Marked):
    """Programs and settings: what stands in their comments, names and strings is searched too."""

    endings: ClassVar[tuple[str, ...]] = tuple(
        ".py .pyi .js .mjs .jsx .ts .tsx .java .kt .scala .c .h .cc .cpp .hpp .cs .go .rs .rb .php .swift .m .r .jl "
        ".lua .pl .hs .ex .exs .erl .clj .dart .sh .bash .ps1 .sql .css .scss .yaml .yml .toml .ini .cfg .proto".split()
    )


class Plain(Marked):
    """The same, of which a line may be a row: its one column is `text`."""

    endings = (".txt", ".text")
    column: ClassVar[str | None] = "text"
    has_rows: ClassVar[bool] = True

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        more = 0  # lines that end as on old Macs, in a carriage return alone
        for item in scan_lines(path):
            if isinstance(item, Problem):
                yield item
                continue
            number, line = item
            for part in line.split("\r"):
                yield Row(path, number + more, {"text": part})
                more += 1
            more -= 1

    def count(self, path: str) -> int | None:
        return count_lines(path)
