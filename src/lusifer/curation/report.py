"""What a step did to a file: rows in and out, what was dropped and why, and with what settings;
kept beside the output.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lusifer.io import write_json


@dataclass
class CurationReport:
    """Counts of one step; `dropped` by reason."""

    step: str
    settings: dict[str, Any]
    read: int = 0
    written: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    more: dict[str, Any] = field(default_factory=dict)

    def drop(self, reason: str, rows: int = 1) -> None:
        """Count rows that are left out."""
        if rows:
            self.dropped[reason] += rows

    def plain(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "step": self.step,
            "lusifer": version("lusifer"),
            "read": self.read,
            "written": self.written,
            "dropped": dict(self.dropped.most_common()),
            **self.more,
            "settings": self.settings,
        }

    def save(self, output: str | Path) -> Path:
        """Write it beside `output`, as OUTPUT.report.json; returns that file."""
        file = Path(f"{output}.report.json")
        write_json(file, self.plain())
        return file
