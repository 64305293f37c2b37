"""Is this file fit for training? Every bad line named, and the counts of what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lusifer.data.formats import Problem
from lusifer.data.rows import scan_rows

MANY = 10_000  # problems kept; more are counted alone


@dataclass
class ValidationReport:
    """What `validate` found: rows that are good, problems in order (the first `MANY`), and how many
    in all.
    """

    path: str
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    bad: int = 0

    @property
    def ok(self) -> bool:
        return self.bad == 0 and self.rows > 0

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        self.bad += 1
        if len(self.problems) < MANY:
            self.problems.append(problem)


def validate(
    path: str | Path, columns: Sequence[str] | None = None, *, max_chars: int = 1_000_000
) -> ValidationReport:
    """Read a whole data file and report every line that training could not use.

    A line is bad where it cannot be read, has too few columns, an empty column, a text past
    `max_chars`, or a query equal to its document.

    Args:
        path: a TSV, JSONL, Parquet or text file, compressed or not.
        columns: the columns of a TSV in order, `_` for one that is not used.
        max_chars: of a text, at most.

    Returns:
        The number of good rows, and the bad ones with their lines.

    Raises:
        DataError: for an unknown format.
    """
    report = ValidationReport(str(path))
    for item in scan_rows(str(path), columns):
        if isinstance(item, Problem):
            report.add(item)
            continue
        what = _fault(item.values, max_chars)
        if what:
            report.add(Problem(item.path, item.line, what))
        else:
            report.rows += 1
    if not report.rows and not report.bad:
        report.add(Problem(str(path), None, "the file is empty"))
    return report


def _fault(values: dict[str, str], max_chars: int) -> str | None:
    for name, text in values.items():
        if not text.strip():
            return f"{name!r} is empty"
        if len(text) > max_chars:
            return f"{name!r} has {len(text):,} characters, more than {max_chars:,}"
    if "query" in values and values.get("document") == values["query"]:
        return "the query is its own document"
    return None
