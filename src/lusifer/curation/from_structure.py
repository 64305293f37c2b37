"""Weak pairs from how documents are built, without any LLM: heading → paragraph, title and heading
→ section, term → definition.

Method: Markdown, reStructuredText and HTML are read as headings, paragraphs, and terms with
definitions (HTML's dl, Markdown's `Term` / `: definition`, and list items that begin with a bold
term); a section's first paragraph answers its heading. Cost: reading the file. Weak: a heading is
no question; filter by ranking consistency (`lusifer curate filter --top-k`), and train such pairs
as a source of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from lusifer.curation.report import CurationReport
from lusifer.data import HTML, blocks, ending, lines
from lusifer.errors import DataError

Kind = Literal["heading", "paragraph", "term", "definition"]
KINDS = (*HTML.endings, ".txt", ".text", ".md", ".markdown", ".rst")
LEAST, MOST = 20, 2000  # letters of a passage
HEADING, UNDER = re.compile(r"(#{1,6})\s+(.+?)\s*#*$"), re.compile(r"([=\-~^\"'`*+#])\1{2,}\s*$")
TERM = re.compile(
    r"\s*(?:[-*+]\s+)?(?:\*\*|__)(.{2,80}?)(?:\*\*|__)\s*[:–—-]\s*(.+)$|\s*[-*+]\s+`([^`]{2,80})`\s*[:–—-]\s*(.+)$"
)
DEFINITION = re.compile(r":\s{1,3}(.+)$")
MARKUP = re.compile(
    r"!?\[([^\]]*)\]\([^)]*\)|:\w+:`([^`<]*?)(?:\s*<[^>]*>)?`|[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}"
)


@dataclass(frozen=True)
class DocumentPart:
    """A heading (of a level from 1), a paragraph, a term or its definition, and its line."""

    kind: Kind
    text: str
    line: int
    level: int = 0


def pairs(path: Path, report: CurationReport) -> Iterator[dict[str, Any]]:
    """The pairs of one file: `query`, `document`, `template` (which structure), `place`. Raises
    DataError.
    """
    suffix = ending(path)
    if suffix not in KINDS:
        raise DataError(
            path, None, f"has no structure that is known; the endings are {', '.join(KINDS)}"
        )
    try:
        found = list(_html(path) if suffix in HTML.endings else _marked(path))
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from None
    for query, document, kind, line in _pairs(found):
        report.read += 1
        if len(document) < LEAST or len(query) < 2:
            report.drop(f"fewer than {LEAST} letters")
        elif query.casefold() == document.casefold():
            report.drop("the query is its own document")
        else:
            report.written += 1
            yield {
                "query": query,
                "document": document[:MOST],
                "template": kind,
                "place": f"{path}:{line}",
            }


def _pairs(parts: Iterable[DocumentPart]) -> Iterator[tuple[str, str, str, int]]:
    """(query, document, kind, line)."""
    above: list[DocumentPart] = []  # the headings that a place stands below
    section: list[str] = []
    term: DocumentPart | None = None

    def closed() -> Iterator[tuple[str, str, str, int]]:
        if above and section:
            yield above[-1].text, section[0], "heading-paragraph", above[-1].line
            if len(above) > 1 and len(section) > 1:
                yield (
                    f"{above[0].text}: {above[-1].text}",
                    "\n".join(section),
                    "title-section",
                    above[-1].line,
                )

    for part in parts:
        if part.kind == "heading":
            yield from closed()
            section = []
            above = [*(h for h in above if h.level < part.level), part]
        elif part.kind == "term":
            term = part
        elif part.kind == "definition" and term:
            yield term.text, part.text, "term-definition", term.line
            term = None
        elif part.kind == "paragraph":
            section.append(part.text)
    yield from closed()


def _plain(text: str) -> str:
    """Without links' targets, roles and emphasis."""
    return " ".join(MARKUP.sub(lambda m: m.group(1) or m.group(2) or "", text).split())


def _marked(path: Path) -> Iterator[DocumentPart]:
    """Markdown and reStructuredText. Code, tables and directives are left out."""
    pending: list[tuple[int, str]] = []
    fence = ""
    levels: list[str] = []  # reStructuredText's underlines, in the order that they appear
    indented = path.suffix.lower() == ".rst"

    def paragraph() -> Iterator[DocumentPart]:
        text = " ".join(line.strip() for _, line in pending)
        if pending and not pending[0][1].startswith((" " * 4, "\t", "|", "..", "<", "---")):
            defined = TERM.match(text)
            if defined:
                name, said = (
                    (defined.group(1), defined.group(2))
                    if defined.group(1)
                    else (defined.group(3), defined.group(4))
                )
                yield DocumentPart("term", _plain(name), pending[0][0])
                yield DocumentPart("definition", _plain(said), pending[0][0])
            else:
                yield DocumentPart(
                    "paragraph",
                    _plain(re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+", "", text)),
                    pending[0][0],
                )
        pending.clear()

    for number, raw in lines(path):
        line = raw.rstrip()
        mark = line.lstrip()[:3]
        if fence or mark in ("```", "~~~"):
            if not fence:
                yield from paragraph()
                fence = mark
            elif mark == fence:
                fence = ""
            continue
        heading, defined = HEADING.match(line), DEFINITION.match(line)
        if heading:
            yield from paragraph()
            yield DocumentPart("heading", _plain(heading.group(2)), number, len(heading.group(1)))
        elif (
            len(pending) == 1
            and UNDER.match(line)
            and len(line.strip()) >= min(len(pending[0][1].strip()), 60)
            and pending[0][1][:1].strip()
        ):
            sign = line.strip()[0]
            levels += [] if sign in levels or not indented else [sign]
            level = levels.index(sign) + 1 if indented else 1 + (sign == "-")
            yield DocumentPart("heading", _plain(pending[0][1]), pending[0][0], level)
            pending.clear()
        elif UNDER.match(line) and not pending:
            continue  # a rule, or the line above a title
        elif defined and len(pending) == 1:
            yield DocumentPart("term", _plain(pending[0][1]), pending[0][0])
            yield DocumentPart("definition", _plain(defined.group(1)), number)
            pending.clear()
        elif not line:
            yield from paragraph()
        else:
            if pending and re.match(r"\s*(?:[-*+]|\d+[.)])\s+\S", line):
                yield from paragraph()
            pending.append((number, line))
    yield from paragraph()


HEADINGS = {f"h{n}": n for n in range(1, 7)}
TAGS: dict[str, Kind] = {"p": "paragraph", "li": "paragraph", "dt": "term", "dd": "definition"}
ASIDE = frozenset({"nav", "header", "footer", "pre", "table"})  # what is around a document's text


def _html(path: Path) -> Iterator[DocumentPart]:
    wanted = (
        block
        for block in blocks(path)
        if (block.tag in HEADINGS or block.tag in TAGS) and not block.around & ASIDE
    )
    for _, of_one in groupby(wanted, key=lambda block: block.element):
        first, *more = of_one
        text = " ".join([first.text, *(block.text for block in more)])
        kind = TAGS.get(first.tag, "heading")
        yield DocumentPart(kind, text, first.line, HEADINGS.get(first.tag, 0))
