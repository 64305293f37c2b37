"""`lusifer recipes`: what ships, word for word, and the schema that an editor reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import lusifer
from lusifer import config
from tests.cli.command import refused, run

SHIPPED = sorted((Path(lusifer.__file__).parent / "recipes").glob("*.yaml"))


def test_every_recipe_has_a_line_that_says_what_it_is() -> None:
    lines = run("recipes").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [file.stem for file in SHIPPED]
    for line, file in zip(lines, SHIPPED, strict=True):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        assert line.endswith(f" {first.removeprefix('# ')}")


def test_a_recipe_is_printed_as_it_is_kept(tmp_path: Path) -> None:
    for file in SHIPPED[:3]:
        assert run("recipes", file.stem).stdout == file.read_text(encoding="utf-8")
    own = "# für uns: 日本語\nstage: align\n\n"
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    assert run("recipes", "own.yaml", cwd=tmp_path).stdout == own


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_recipe_s_schema_is_that_of_its_stage_and_knows_its_keys(file: Path) -> None:
    done = run("recipes", file.stem, "--schema")
    schema, data = json.loads(done.stdout), config.read(file)
    assert schema == config.shipped_schema(data["stage"], data.get("method"))
    assert set(data) <= set(schema["properties"])


def test_a_recipe_of_before_has_the_schema_of_today(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(yaml.safe_dump({"stage": "decoder"}), encoding="utf-8")
    found = json.loads(run("recipes", "old.yaml", "--schema", cwd=tmp_path).stdout)
    assert found == config.shipped_schema("pretrain", "causal")


def test_a_schema_of_nothing_in_particular_is_refused() -> None:
    assert "--schema needs a recipe's name" in refused("recipes", "--schema")
    assert "no such recipe file" in refused("recipes", "निर्देश")
