"""Long work tells how far it is where there is no terminal: a line a minute, never more."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lusifer.cli.app import app
from lusifer.io.progress import Bars, track
from tests.conftest import TEXTS, make_table
from tests.evaluation.oracle import write_suite


def test_a_line_a_minute_and_no_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr("lusifer.io.progress.time.monotonic", lambda: float(next(clock)))
    with Bars() as bars:
        task = bars.add_task("counting", total=1200, unit="rows", what="")
        for i in range(12):
            bars.update(task, advance=100, what=f"step {i}")
    assert capsys.readouterr().err.splitlines() == [
        "counting: 300 of 1,200 rows, step 2",
        "counting: 600 of 1,200 rows, step 5",
        "counting: 900 of 1,200 rows, step 8",
        "counting: 1,200 of 1,200 rows, step 11",
    ]


def test_tracked_items_are_all_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lusifer.io.progress.MINUTE", 0.0)
    assert list(track(iter("abc"), "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err.splitlines() == ["letters: 1", "letters: 2", "letters: 3"]


def test_evaluation_and_bitext_mining_are_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lusifer.io.progress.MINUTE", 0.0)
    table = str(make_table(tmp_path / "model"))
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    suite = write_suite(tmp_path / "suite")
    mined = CliRunner().invoke(
        app,
        [
            "mine",
            str(tmp_path / "a.txt"),
            str(tmp_path / "a.txt"),
            "-m",
            table,
            "-o",
            str(tmp_path / "out.tsv"),
        ],
    )
    assert "comparing: " in mined.stderr, mined.output
    asked = CliRunner().invoke(
        app,
        [
            "evaluate",
            table,
            "--suite",
            str(suite),
            "--tasks",
            "tatoeba",
            "--into",
            str(tmp_path / "results"),
        ],
    )
    assert "1 of 1" in asked.stderr, asked.output
    assert "tatoeba done" in asked.stderr
