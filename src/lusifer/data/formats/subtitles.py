"""Subtitles: what is said, without numbers, times and marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from lusifer.data.formats.base import Format, Problem, Section
from lusifer.data.formats.text_lines import lines
from lusifer.errors import DataError

TIMES = re.compile(r"^\s*(?:\d+:)?\d\d:\d\d[.,]\d{3}\s*-->\s*(?:\d+:)?\d\d:\d\d[.,]\d{3}")
MARKS = re.compile(r"</?[a-zA-Z][^>]*>|\{\\[^}]*\}|<\d[\d:.]*>")
NOTES = ("NOTE", "STYLE", "REGION", "WEBVTT")


class Subtitles(Format):
    """SubRip and WebVTT: the lines of each caption, captions one after the other, so that a sentence
    over two of them is one.
    """

    endings: ClassVar[tuple[str, ...]] = (".srt", ".vtt")
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        text, marks = "", list[tuple[int, int]]()
        before = ""
        for number, line in _said(path):
            if line == before:  # captions that roll repeat the line above
                continue
            before = line
            marks.append((len(text) + bool(text), number))
            text += f"\n{line}" if text else line
        if not text:
            raise DataError(path, None, "holds no caption")
        yield Section(text, marks[0][1], "line", tuple(marks))


def _said(path: Path) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in lines(path):
        shown = MARKS.sub("", line).strip().lstrip("\ufeff")
        if TIMES.match(line):
            inside = True
        elif not shown:
            inside = False
        elif inside and not shown.startswith(NOTES):
            yield number, shown
