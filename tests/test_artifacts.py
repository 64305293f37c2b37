"""What earlier versions made still loads: a table, a bridge, an index, vectors, results, recipes.

`tests/artifacts` was made at the last commit before the house was rebuilt (5a19422), and is never
made anew: what it holds lies on users' disks.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import lusifer
from lusifer import config
from lusifer.cli.app import app
from lusifer.errors import LusiferError
from lusifer.training.run import load_recipe
from tests.conftest import TEXTS

MADE = Path(__file__).with_name("artifacts")
VECTORS = json.loads((MADE / "vectors.json").read_text(encoding="utf-8"))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, from within which relative names lead where they did."""
    shutil.copytree(MADE, tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")
    return tmp_path / "made"


def test_a_table_gives_its_vectors(made: Path) -> None:
    np.testing.assert_allclose(lusifer.load("table").encode(TEXTS), VECTORS["table"], atol=2e-5)


def test_a_bridge_with_the_settings_of_all_connectors_gives_its_vectors(made: Path) -> None:
    found = lusifer.load("bridge").encode(TEXTS)[:, :8]
    np.testing.assert_allclose(found, VECTORS["bridge"], atol=2e-5)


@pytest.mark.usefixtures("made")
def test_an_index_of_before_says_what_to_do() -> None:
    with pytest.raises(LusiferError, match=r"index version 1, this one 3.*into another folder"):
        lusifer.Index.open("index", "table")


def test_vectors_are_read(made: Path) -> None:
    model = lusifer.load("table")
    rows = 0
    for numbers, vectors in lusifer.read_vectors("vectors"):
        texts = [TEXTS[int(number)] for number in numbers]
        np.testing.assert_allclose(vectors, model.encode(texts), atol=1e-6)
        rows += len(vectors)
    assert rows == 8


def test_results_are_kept(made: Path) -> None:
    arguments = ["evaluate", "table", "--suite", "suite", "--tasks", "tatoeba", "-o", "results"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "1 of 1 results were there already" in " ".join(done.output.split())


NAMES = {"default": "static"}  # recipes that are called otherwise now


@pytest.mark.parametrize("file", sorted((MADE / "recipes").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_resolved_recipe_is_read_and_names_the_same_run(file: Path) -> None:
    old = load_recipe(file)
    assert config.build(type(old), yaml.safe_load(config.dump(old)), "again") == old
    now = load_recipe(NAMES.get(file.stem, file.stem))
    assert type(now) is type(old)


@pytest.mark.parametrize(
    "file",
    sorted((Path(__file__).resolve().parents[1] / "models").glob("*/recipe.yaml")),
    ids=lambda p: p.parent.name,
)
def test_a_shipped_model_s_recipe_is_read(file: Path) -> None:
    assert load_recipe(file).output
