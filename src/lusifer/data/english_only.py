"""Are a file's texts in English, as a recipe promises?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby

from lusifer.data.formats import Row
from lusifer.errors import DataError
from lusifer.text import MIN_LETTERS, foreign

LIKELY = 0.9  # enough where most of a file's blocks must agree
BLOCK = 240


def refuse_foreign(rows: Iterable[Row], columns: tuple[str, ...]) -> None:
    """Raise DataError at the first file where too many rows are not English (see `english_rows`)."""
    deque(english_rows(rows, columns), maxlen=0)


def english_rows(
    rows: Iterable[Row], columns: tuple[str, ...], tolerance: float = 0.02, sample: int = 200
) -> Iterator[Row]:
    """The rows as they come, `sample` of each file and up to twice as many, evenly spread, kept aside;
    where these are not English, DataError is raised at the file's end.

    A lone borrowed title is no reason to refuse a file, so a file may hold up to `tolerance` of
    them. Texts too short to tell by themselves are told together, `BLOCK` letters at a time; there
    most blocks must be foreign.
    """
    for _, group in groupby(rows, key=lambda row: row.path):
        aside, step = list[Row](), 1
        for number, row in enumerate(group):
            if number % step == 0:
                aside.append(row)
                if len(aside) >= 2 * sample:
                    aside, step = aside[::2], 2 * step
            yield row
        _check(aside, columns, tolerance)


def _check(rows: list[Row], columns: tuple[str, ...], tolerance: float) -> None:
    texts = [(r, r.values[c]) for r in rows for c in columns if c in r.values]
    found = [(r, other, t) for r, t in texts if (other := foreign(t))]
    if len(found) > max(tolerance * len(rows), 0 if len(rows) < 20 else 1):
        _refuse(*found[0], f"{len(found)} of {len(rows)} checked rows are")
    blocks = _blocks([(r, t) for r, t in texts if sum(c.isalpha() for c in t) < MIN_LETTERS])
    strange = [(r, other, t) for r, t in blocks if (other := foreign(t, sure=LIKELY))]
    if len(strange) > len(blocks) / 2:
        _refuse(*strange[0], "short texts taken together")


def _refuse(row: Row, other: str, text: str, how: str) -> None:
    raise DataError(
        row.path,
        row.line,
        f"the recipe says english_only, but this text is in {other!r} ({how}): {text[:60]!r}",
    )


def _blocks(texts: list[tuple[Row, str]]) -> list[tuple[Row, str]]:
    """Short texts joined, one after the other, to `BLOCK` letters each; a rest long enough to tell
    counts too.
    """
    blocks: list[tuple[Row, str]] = []
    first, pending = None, ""
    for row, text in texts:
        first, pending = first or row, f"{pending}\n{text}".strip()
        if len(pending) >= BLOCK:
            blocks.append((first, pending))
            first, pending = None, ""
    if first is not None and len(pending) > 2 * MIN_LETTERS:
        blocks.append((first, pending))
    return blocks
