"""Whose a run's folder is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.training import output as run_output
from lusifer.training.optim import Optim
from lusifer.training.run import train
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


def test_another_recipe_in_the_same_folder_is_refused(texts: Path, model_folder: Folder) -> None:
    file = recipe("distill map", texts, model_folder, kind="ridge")
    train(file)
    with pytest.raises(LusiferError, match="another recipe"):
        train(file, ["penalty=0.5"])
    train(file, ["penalty=0.5"], restart=True)


def test_restart_deletes_what_runs_make_and_nothing_else(tmp_path: Path) -> None:
    """A user's own folder with a recipe.yaml in it is no run of ours, even where the recipe's
    output names it.
    """
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "recipe.yaml").write_text("stage: distill\n", encoding="utf-8")
    (tmp_path / "mine" / "texts.txt").write_text("One text.\n", encoding="utf-8")
    for restart in (True, False):
        with pytest.raises(LusiferError, match="no run of ours"):
            run_output.claim(tmp_path / "mine", Optim(), restart=restart)
    run = run_output.claim(tmp_path / "run", Optim())
    (run / "distill" / "checkpoint-3").mkdir(parents=True)
    (run / "model").mkdir()
    (run / "empty").mkdir()
    (run / "notes.txt").write_text("my notes", encoding="utf-8")
    run_output.claim(run, Optim(steps=7), restart=True)
    assert sorted(p.name for p in run.iterdir()) == [
        *("empty", "notes.txt", "recipe.yaml", "versions.json")
    ]
    assert (tmp_path / "mine" / "texts.txt").exists()
