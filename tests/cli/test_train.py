"""`lusifer train` as a user starts it: what it prints before, instead of and after a run."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from lusifer.cli.train import quiet_libraries, show, told
from tests.cli.command import refused, run, settings_restored
from tests.training.conftest import texts  # noqa: F401
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.mark.parametrize(
    ("stage", "last"),
    [
        ("contrastive", "how good it is, by language:  lusifer evaluate {} --suite FOLDER"),
        ("rerank", "to search with it:  lusifer search INDEX QUESTION --rerank {}"),
        ("pretrain causal", "the model is in {}"),
    ],
)
def test_a_run_says_what_it_made_and_what_to_do_with_it(
    stage: str, last: str, texts: Path, model_folder: Folder
) -> None:
    done = run("train", str(recipe(stage, texts, model_folder)), cwd=texts)
    assert done.returncode == 0, done.stderr
    made = texts / "out" / ("decoder" if stage == "pretrain causal" else "model")
    assert done.stderr.splitlines()[-1] == last.format(made)


def test_a_dry_run_shows_figures_and_makes_nothing(texts: Path, model_folder: Folder) -> None:
    file = str(recipe("contrastive", texts, model_folder))
    before = sorted(texts.rglob("*"))
    done = run("train", file, "batch_size=2", "--dry-run", cwd=texts)
    assert done.returncode == 0, done.stderr
    assert "dry run" in done.stdout
    assert "GiB (estimate)" in done.stdout
    assert sorted(texts.rglob("*")) == before


def test_a_plan_s_figures_are_each_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        {"rows": {"नेपाली": 1234567, "ไทย": 8}, "parameters": 42, "memory_bytes": 3 * 2**29},
        "[plan]",
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "[plan]"
    cells = [[c.strip() for c in line.strip("│").split("│")] for line in lines if line[:1] == "│"]
    assert cells == [
        ["rows नेपाली", "1,234,567"],
        ["rows ไทย", "8"],
        ["parameters", "42"],
        ["memory", "1.50 GiB (estimate)"],
    ]


def test_how_good_a_run_was_is_told_by_its_first_and_best_figure(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "recipe.yaml").write_text("stage: align\n", encoding="utf-8")
    log = [
        {"phase": "align", "step": step, "validation_loss": loss, "loss": 9.0}
        for step, loss in ((0, 3.0), (1000, 1.25), (2000, 1.5))
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, log)), encoding="utf-8")
    assert told(tmp_path / "model") == [
        f"the run is on one page in {tmp_path / 'run.html'}",
        f"the model is in {tmp_path / 'model'}",
        "align: validation loss 3.0000 at first, 1.2500 at step 1,000",
    ]


def test_two_ways_to_start_are_not_mixed(texts: Path, model_folder: Folder) -> None:
    file = str(recipe("contrastive", texts, model_folder))
    assert "each done alone" in refused("train", file, "--find-lr", "--restart", cwd=texts)
    assert not (texts / "out").exists()


@pytest.mark.parametrize(("verbose", "level"), [(False, logging.ERROR), (True, logging.NOTSET)])
def test_libraries_speak_only_where_they_are_asked_to(verbose: bool, level: int) -> None:
    with settings_restored(), warnings.catch_warnings():
        logging.getLogger("accelerate").setLevel(logging.NOTSET)
        quiet_libraries(verbose)
        assert logging.getLogger("accelerate").level == level
        assert logging.getLogger("lusifer").level == logging.INFO
