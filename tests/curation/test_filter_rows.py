"""Filters drop what they say, write down why, and leave the rest as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lusifer.curation.filter_rows import clean
from lusifer.curation.filters.duplicates import exact
from lusifer.curation.filters.sanity import Lengths
from lusifer.curation.report import CurationReport
from lusifer.data.formats import Row
from lusifer.errors import LusiferError
from tests.curation.test_negatives import rows


def cleaned(
    into: Path, given: list[Row], *tests: Any, **more: Any
) -> tuple[list[Any], list[Any], CurationReport]:
    report = CurationReport("filter", {}, read=len(given))
    clean(given, tests, into, report, **more)
    found = [
        [json.loads(line) for line in Path(f).read_text(encoding="utf-8").splitlines()]
        for f in (into, f"{into}.dropped.jsonl")
    ]
    return found[0], found[1], report


def test_a_chain_counts_every_row_once_and_keeps_further_columns(tmp_path: Path) -> None:
    given = rows(
        ("a question", "an answer", "eng_Latn"),
        ("a QUESTION", "an answer!", "eng_Latn"),
        ("x", "y", "eng_Latn"),
    )
    given[0].values["negative"] = "a wrong one"
    left, dropped, report = cleaned(tmp_path / "out.jsonl", given, Lengths(3), exact())
    assert left == [given[0].values]
    assert [row["reason"] for row in dropped] == ["an exact duplicate", "shorter than 3 characters"]
    assert report.plain()["dropped"] == {"an exact duplicate": 1, "shorter than 3 characters": 1}
    with pytest.raises(LusiferError, match="no row is left of 3"):
        cleaned(tmp_path / "none.jsonl", given, Lengths(100))
    assert not (tmp_path / "none.jsonl").exists()
    assert not (tmp_path / "none.jsonl.dropped.jsonl").exists()
