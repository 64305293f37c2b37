"""Pages of HTML, as blocks of text that know their tag and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

from lusifer.data.formats.base import Format, Problem, Section, joined
from lusifer.data.formats.text_lines import lines
from lusifer.errors import DataError

WHOLE = 64 << 20  # bytes of a page, which is parsed whole
HIDDEN = frozenset({"script", "style", "noscript", "template", "svg"})
EMPTY = frozenset({"br", "hr"})  # block tags that hold nothing
BLOCKS = frozenset(
    "address article aside blockquote br dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr "
    "li main nav ol p pre section table td th tr ul title".split()
)


@dataclass(frozen=True)
class Block:
    """A stretch of text without a block in it: its tag, the line that it begins at, which element it
    is of, and the tags around it.
    """

    tag: str
    line: int
    text: str
    element: int
    around: frozenset[str]


@dataclass
class _Open:
    """A block that is being read."""

    tag: str
    element: int
    around: frozenset[str]
    line: int = 1
    parts: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hidden = self.elements = 0
        self.stack: list[tuple[str, int]] = []
        self.blocks: list[_Open] = [_Open("", 0, frozenset())]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden += tag in HIDDEN
        if tag in BLOCKS:
            if self.stack and self.stack[-1][0] == "p" and tag not in EMPTY:
                self.stack.pop()  # a paragraph ends where another block begins
            self.elements += 1
            if tag not in EMPTY:
                self.stack.append((tag, self.elements))
            self._cut()

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in HIDDEN))
        if tag in BLOCKS:
            if any(open_tag == tag for open_tag, _ in self.stack):
                while self.stack.pop()[0] != tag:
                    pass
            self._cut()

    def _cut(self) -> None:
        tag, element = self.stack[-1] if self.stack else ("", 0)
        around = frozenset(name for name, _ in self.stack)
        if not self.blocks[-1].parts:
            self.blocks.pop()
        self.blocks.append(_Open(tag, element, around, self.getpos()[0]))

    def handle_data(self, data: str) -> None:
        if not self.hidden and data.strip():
            block = self.blocks[-1]
            if not block.parts:
                before = data[: len(data) - len(data.lstrip())]
                block.line = self.getpos()[0] + before.count("\n")
            block.parts.append(data)
        elif not self.hidden and self.blocks[-1].parts:
            self.blocks[-1].parts.append(" ")


def blocks(path: Path) -> Iterator[Block]:
    """The text of a page, block by block, scripts and styles left out.

    Args:
        path: of a disk, compressed or not.

    Raises:
        DataError: where it cannot be read, or is larger than any page.
    """
    if path.stat().st_size > WHOLE:
        raise DataError(path, None, f"is larger than {WHOLE >> 20} MB, too large for a page")
    yield from blocks_of("".join(line for _, line in lines(path)))


def blocks_of(page: str) -> Iterator[Block]:
    """The same of a page's text."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    for block in reader.blocks:
        if text := " ".join("".join(block.parts).split()):
            yield Block(block.tag, block.line, text, block.element, block.around)


class HTML(Format):
    """A page is one section, with a blank line between its blocks."""

    endings = (".html", ".htm", ".xhtml")
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        yield from joined(((block.line, block.text) for block in blocks(path)), "line")
