"""A step's report: rows by reason, kept beside the output."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from lusifer.curation.report import CurationReport


def test_reasons_are_counted_and_the_most_frequent_stands_first() -> None:
    report = CurationReport("filter", {})
    report.drop("too short")
    report.drop("a duplicate", 3)
    report.drop("too short")
    report.drop("never seen", 0)
    assert list(report.plain()["dropped"].items()) == [("a duplicate", 3), ("too short", 2)]


def test_it_lies_beside_the_output_and_is_read_back_as_it_was(tmp_path: Path) -> None:
    report = CurationReport("negatives", {"files": ["kysymykset.tsv", "質問.tsv"]}, 5, 4)
    report.drop("the same pair once more")
    report.more["candidates"] = {"relative_margin": 6}
    file = report.save(tmp_path / "out.jsonl")
    assert file == tmp_path / "out.jsonl.report.json"
    assert json.loads(file.read_text(encoding="utf-8")) == {
        "step": "negatives",
        "lusifer": version("lusifer"),
        "read": 5,
        "written": 4,
        "dropped": {"the same pair once more": 1},
        "candidates": {"relative_margin": 6},
        "settings": {"files": ["kysymykset.tsv", "質問.tsv"]},
    }


def test_two_reports_share_no_counts() -> None:
    first, second = CurationReport("a", {}), CurationReport("b", {})
    first.drop("too short")
    first.more["asked"] = 1
    assert not second.dropped
    assert not second.more
