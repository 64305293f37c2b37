"""A JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lusifer.data.formats.base import Format, Problem, Row, Section, as_row, strings
from lusifer.data.formats.text_lines import count_lines, scan_lines


class JSONL(Format):
    """Its keys are the columns; a section is all strings of a line."""

    endings = (".jsonl", ".ndjson")

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        for number, value in _values(path):
            if isinstance(value, Problem):
                yield value
            elif not isinstance(value, dict):
                kind = type(value).__name__
                yield Problem(path, number, f"a {kind}, expected a JSON object")
            else:
                yield as_row(path, number, value, columns, numbers)

    def count(self, path: str) -> int | None:
        return count_lines(path)

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        for number, value in _values(str(path)):
            if isinstance(value, Problem):
                yield value
                continue
            text = "\n".join(strings(value))
            if text:
                yield Section(text, number, "row")


def _values(path: str) -> Iterator[tuple[int, Any]]:
    """(line, its value, or what is wrong with it); blank lines are none."""
    for item in scan_lines(path):
        if isinstance(item, Problem):
            yield item.line or 0, item
            continue
        number, text = item
        if not text.strip():
            continue
        try:
            yield number, json.loads(text)
        except json.JSONDecodeError as error:
            what = f"not JSON ({error.msg} at character {error.pos + 1})"
            yield number, Problem(path, number, what)
        except (ValueError, RecursionError) as error:
            # a number of thousands of digits, lists in lists in lists
            what = f"JSON that cannot be read ({str(error)[:80]})"
            yield number, Problem(path, number, what)
