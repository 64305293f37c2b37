"""A recipe names its stage, from a file, a name, a mapping or an object; what is wrong is one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lusifer.errors import ConfigError
from lusifer.training.run import check_keys, find_stage, load_recipe, stage_names, stage_of
from tests.training.recipes import recipe


def test_a_recipe_may_name_anothers_data() -> None:
    student = load_recipe("student", ["data.root=there"])
    table = load_recipe("static", ["data.root=there"])
    assert student.data == table.data
    named = load_recipe("static", ["data=student", "data.temperature=0.5"])
    assert named.data == replace(load_recipe("static").data, temperature=0.5)


def test_data_that_names_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        f"stage: static\nmethod: context\ndata: {tmp_path / 'b.yaml'}\n", encoding="utf-8"
    )
    (tmp_path / "b.yaml").write_text(f"data: {tmp_path / 'a.yaml'}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="names it again"):
        load_recipe(tmp_path / "a.yaml")


def test_every_file_of_a_stage_is_found_by_its_name_and_method() -> None:
    for name, methods in stage_names().items():
        for method in methods or [""]:
            found = find_stage(name, method or None)
            assert found is not None
            assert (found.name, found.method or "") == (name, method)
    assert find_stage("distil") is None
    assert find_stage("static", "rows") is None
    usual = find_stage("static")
    assert usual is not None
    assert usual.method == "table"


def test_a_recipe_is_the_same_whatever_it_is_given_as(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    file = recipe("distill map", texts, model_folder)
    mapping = yaml.safe_load(file.read_text(encoding="utf-8"))
    parsed = load_recipe(file)
    assert load_recipe(str(file)) == load_recipe(mapping) == load_recipe(parsed) == parsed
    changed = load_recipe(parsed, ["optim.lr=0.5", "seed=7"])
    assert (changed.optim.lr, changed.seed) == (0.5, 7)
    assert changed == load_recipe(mapping, ["optim.lr=0.5", "seed=7"])
    assert (parsed.seed, mapping["optim"]["lr"]) == (0, 1e-2)
    assert type(stage_of(parsed)) is type(stage_of(file))


@pytest.mark.parametrize(
    ("given", "changes", "said"),
    [
        (3, [], "a recipe is a file, .* not int"),
        ({"stage": "distils"}, [], "stage is 'distils'; it must be one of align, contrastive"),
        ({}, [], "stage is None; it must be one of"),
        ({"stage": ["align"]}, [], "it must be one of"),
        ({"stage": "distill", "method": "mapp"}, [], "method is 'mapp'; stage distill has the"),
        ({"stage": "rerank", "bas": "x"}, [], "'bas'.*did you mean 'base'"),
        ("static", ["ranking.tempreature=1"], "did you mean 'temperature'"),
        ("no-such-recipe", [], "no-such-recipe"),
    ],
)
def test_what_is_no_recipe_is_one_line(given: Any, changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_recipe(given, changes)
    assert "\n" not in str(caught.value)


def test_a_wrong_key_is_found_before_anything_is_loaded() -> None:
    check_keys("static", ["ranking.bundle=3"])
    with pytest.raises(ConfigError, match="did you mean 'bundle'"):
        check_keys("static", ["ranking.bundel=3"])
