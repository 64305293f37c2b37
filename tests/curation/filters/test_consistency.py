"""Pairs whose document their query does not find."""

from __future__ import annotations

from pathlib import Path

from lusifer.models.load import LoadedModel
from tests.curation.test_filter_rows import cleaned
from tests.curation.test_negatives import Circle, rows


def test_consistency_is_the_rank_without_the_query_s_other_documents(tmp_path: Path) -> None:
    model = LoadedModel("circle", "0" * 64, Circle())
    given = rows(
        ("0 q", "10 a"),
        ("0 q", "20 b"),
        ("40 r", "35 c"),
        ("0 s", "80 far"),
        ("0 q", "10 a"),
        ("60 t", "61 d"),
    )
    left, dropped, report = cleaned(tmp_path / "out.jsonl", given, consistent=(model, 1))
    assert [row["document"] for row in left] == ["10 a", "20 b", "35 c", "61 d"]
    assert [(row["document"], row["reason"], row["line"]) for row in dropped] == [
        ("80 far", "not among the 1 nearest to its query", 4), ("10 a", "the same pair once more", 5),
    ]  # fmt: skip
    assert sum(report.dropped.values()) + report.written == len(given)
    assert report.more["ranks"]["within 5"] == 5
    assert not list(tmp_path.glob(".out*"))
