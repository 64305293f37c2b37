"""`lusifer report` as a user starts it: each file that it wrote, and what lacks for a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.evaluation import chosen_tasks, run as runs
from lusifer.models import LoadedModel
from tests.cli.command import refused, run
from tests.evaluation.oracle import Oracle, write_suite

pytest.importorskip("matplotlib")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two models in a folder; the second was asked one task less."""
    suite = write_suite(tmp_path / "suite")
    for name, tasks in (("große [a]", ["tatoeba", "sib200"]), ("小", ["tatoeba"])):
        model = LoadedModel(name, name[0].encode().hex() * 16, Oracle())
        runs.run(model, suite, tmp_path / "results", chosen_tasks(tasks))
    return tmp_path / "results"


def test_every_file_that_was_written_is_named_on_a_line(results: Path, tmp_path: Path) -> None:
    into = "a folder with a long name, so that a line is longer than a narrow console is wide"
    done = run("report", "results", "-o", into, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {Path(line).name for line in done.stdout.splitlines()} >= {"report.html"}
    written = {str(f.relative_to(tmp_path)) for f in (tmp_path / into).rglob("*") if f.is_file()}
    assert set(done.stdout.splitlines()) == written
    tables = (tmp_path / into / "tables.md").read_text(encoding="utf-8")
    assert "große-a" in tables
    assert "小" in tables


def test_what_a_model_was_not_asked_is_told_aside(results: Path, tmp_path: Path) -> None:
    done = run("report", "results", cwd=tmp_path)
    assert (tmp_path / "report" / "report.html").exists()
    assert [" ".join(line.split()[1:]) for line in done.stderr.splitlines()] == [
        "has no sib200 accuracy English",
        "has no sib200 accuracy own",
    ]
    assert all(line.startswith("小") for line in done.stderr.splitlines())
    alone = next(folder for folder in results.iterdir() if "小" in folder.name)
    assert run("report", str(alone), "-o", "alone", cwd=tmp_path).stderr == ""


def test_results_that_are_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "nowhere: no such folder" in refused("report", "nowhere", cwd=tmp_path)
    assert "empty" in refused("report", "empty", cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
