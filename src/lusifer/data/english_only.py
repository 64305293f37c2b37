"""Are a file's texts in English, as a recipe promises?"""

from __future__ import annotations

from collections.abc import Iterable

from lusifer.data.formats import Row
from lusifer.errors import DataError
from lusifer.text import MIN_LETTERS, foreign

LIKELY = 0.9  # enough where most of a file's blocks must agree
BLOCK = 240


def refuse_foreign(
    rows: Iterable[Row], columns: tuple[str, ...], tolerance: float = 0.02, sample: int = 200
) -> None:
    """Check about `sample` rows of each file, evenly spread; raise DataError at the first one where
    too many are not English.

    A lone borrowed title is no reason to refuse a file, so a file may hold up to `tolerance` of
    them. Texts too short to tell by themselves are told together, `BLOCK` letters at a time; there
    most blocks must be foreign.
    """
    by_file: dict[str, list[Row]] = {}
    for row in rows:
        by_file.setdefault(row.path, []).append(row)
    for group in by_file.values():
        checked = group[:: max(1, len(group) // sample)]
        texts = [(r, r.values[c]) for r in checked for c in columns if c in r.values]
        found = [(r, other, t) for r, t in texts if (other := foreign(t))]
        if len(found) > max(tolerance * len(checked), 0 if len(checked) < 20 else 1):
            _refuse(*found[0], f"{len(found)} of {len(checked)} checked rows are")
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
