"""A wrong key is found by the schema alone, and told as the full check tells it."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lusifer
from lusifer import config
from lusifer.errors import ConfigError
from lusifer.training import check_keys
from lusifer.training.run import find_stage

RECIPES = sorted(file.stem for file in (Path(lusifer.__file__).parent / "recipes").glob("*.yaml"))


def mappings(data: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Where mappings stand within the data."""
    if isinstance(data, dict):
        yield path
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        yield from mappings(value, (*path, key))


def fault(recipe: type, data: Any) -> str:
    """What the full check says."""
    try:
        config.build(recipe, data, "r.yaml")
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", RECIPES)
def test_every_wrong_key_is_told_as_the_full_check_tells_it(name: str) -> None:
    data = dict(config.upgraded(config.read(config.find(name))))
    if isinstance(
        data.get("data"), str
    ):  # another recipe's, put in its place before keys are looked at
        data["data"] = config.read(config.find(data["data"]))["data"]
    stage = find_stage(data["stage"], data.get("method"))
    schema = config.shipped_schema(data["stage"], data.get("method"))
    assert stage
    assert schema
    assert config.unknown_key(schema, data, "r.yaml") is None
    told = 0
    for path in mappings(data):
        wrong = copy.deepcopy(data)
        node = wrong
        for key in path:
            node = node[key]
        node["warmpu"] = 1
        found = config.unknown_key(schema, wrong, "r.yaml")
        full = fault(stage.recipe, wrong)
        if "unknown key" in full:
            told += 1
            assert found
            assert found.split("keys are ")[0] == full.split("keys are ")[0]
            assert set(re.split(r"\W+", found)) == set(re.split(r"\W+", full))
        else:  # a mapping with keys of the user's own, as prompts are
            assert found is None
    assert told >= 3


def test_a_kind_of_an_extension_is_left_to_the_full_check() -> None:
    data = config.read(config.find("minilm-29m"))
    data["loss"] = [{"kind": "of_my_own", "strength": 3}]
    schema = config.shipped_schema("distill")
    assert schema
    assert config.unknown_key(schema, data, "r.yaml") is None
    assert config.shipped_schema("of_my_own") is None


def test_nothing_that_trains_is_imported_to_find_it() -> None:
    script = (
        "import sys\nfrom lusifer.errors import ConfigError\nfrom lusifer.training import check_keys\n"
        "try:\n    check_keys('minilm-29m', ['optim.warmpu=1'])\nexcept ConfigError as error:\n    print(error)\n"
        "print(*sorted({'torch', 'transformers', 'sentence_transformers', 'pydantic'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    said, imported = done.stdout.splitlines()
    assert "optim: unknown key 'warmpu'; did you mean 'warmup'?" in said
    assert imported == ""


def test_a_right_recipe_passes_and_another_s_data_are_looked_at_too(tmp_path: Path) -> None:
    check_keys("minilm-29m", ["optim.steps=3"])
    (tmp_path / "r.yaml").write_text("stage: distill\ndata: minilm-29m\nbridge: {}\n")
    with pytest.raises(ConfigError, match=r"data: unknown key 'rood'; did you mean 'root'"):
        check_keys(tmp_path / "r.yaml", ["data.rood=x"])
