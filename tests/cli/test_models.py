"""`lusifer models`: every model below a folder once, with what its files tell."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lusifer.cli.models import below, describe
from tests.cli.command import refused, run


def test_models_are_listed(tmp_path: Path, model: str) -> None:
    done = run("models", str(Path(model).parent), cwd=tmp_path)
    assert done.returncode == 0, done
    assert "static" in done.stdout
    assert " 16 " in done.stdout
    (tmp_path / "graph" / "onnx").mkdir(parents=True)
    (tmp_path / "graph" / "onnx" / "model.onnx").touch()
    (tmp_path / "graph" / "tokenizer.json").touch()
    assert "onnx" in run("models", "graph", cwd=tmp_path).stdout
    assert "nothing: no such folder" in refused("models", "nothing", cwd=tmp_path)


@pytest.fixture
def many(tmp_path: Path, model: str, model_folder: Callable[[str], Path]) -> Path:
    """Models at several depths, and folders that are none."""
    for name in ("z", "a/b", "नमूना", ".hidden", "checkpoint-3", "a/b/inner"):
        shutil.copytree(model, tmp_path / name, dirs_exist_ok=True)
    shutil.copytree(model_folder("bert"), tmp_path / "bert")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "config.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_a_model_is_found_once_and_what_lies_in_it_is_part_of_it(many: Path) -> None:
    found = [str(path.relative_to(many)) for path in below(many)]
    assert found == ["a/b", "bert", "z", "नमूना"]
    assert list(below(many / "a" / "b")) == [many / "a" / "b"]
    assert list(below(many / "texts")) == []


def test_a_model_is_told_by_its_kind_numbers_and_size(many: Path) -> None:
    size = sum(file.stat().st_size for file in (many / "a" / "b").rglob("*") if file.is_file())
    kind, numbers, shown, *_ = describe(many / "a" / "b")
    assert (kind, numbers, shown) == ("static", "16", f"{size / 1e6:.1f} MB")
    assert describe(many / "bert")[1] == "32"


def test_without_a_folder_those_that_ship_and_the_usual_place_are_listed(many: Path) -> None:
    alone = run("models", cwd=many).stdout
    assert [line.split()[0] for line in alone.splitlines() if "static" in line]
    assert "नमूना" not in alone
    (many / "models").mkdir()
    (many / "नमूना").rename(many / "models" / "नमूना")
    assert "models/नमूना" in run("models", cwd=many).stdout
