"""Recipes: a wrong key or value gets one line that names the right ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from lusifer import config
from lusifer.errors import ConfigError
from lusifer.training.run import load_recipe


@dataclass(frozen=True)
class Inner:
    lr: float = 0.1
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    files: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    maybe: Inner | None = None
    steps: int = 3
    on: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError("steps must be at least 1")


def test_values_and_overrides_are_read(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "name: x\ninner: {lr: 1e-4}\nfiles: [a, b]\nweights: {p: 1}\n", encoding="utf-8"
    )
    got = config.load(Outer, file, ["inner.kind=b", "maybe.lr=2", "on=true", "steps=7"])
    assert got == Outer("x", Inner(1e-4, "b"), ("a", "b"), {"p": 1.0}, Inner(2.0), 7, True)


def test_dump_and_read_give_the_same_recipe() -> None:
    import yaml

    recipe = Outer("x", Inner(1e-4, "b"), ("a",), {"p": 1.0}, Inner(), 2, True)
    assert config.build(Outer, yaml.safe_load(config.dump(recipe)), "dumped") == recipe


@pytest.mark.parametrize(
    ("text", "overrides", "words"),
    [
        ("nmae: x", [], ["nmae", "did you mean 'name'", "inner"]),
        ("inner: {lr: 1}", [], ["'name' is missing", "files"]),
        ("name: x\ninner: {lr: fast}", [], ["lr", "'fast'", "float"]),
        ("name: x\ninner: {kind: c}", [], ["kind", "'c'", "a, b"]),
        ("name: x\nsteps: 0", [], ["steps must be at least 1"]),
        ("name: x\nsteps: true", [], ["steps", "int"]),
        ("name: x", ["steps"], ["key=value"]),
        ("name: x", ["inner.lrr=1"], ["lrr", "did you mean 'lr'"]),
        ("- a", [], ["mapping"]),
        ("name: [x", [], ["r.yaml:", "not valid YAML"]),
        ("name: x\nweights: 3", [], ["weights", "mapping"]),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path, text: str, overrides: list[str], words: list[str]
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load(Outer, file, overrides)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_may_be_an_object() -> None:
    recipe = load_recipe("e5-student")
    changed = load_recipe(recipe, ["optim.steps=3"])
    assert changed == dataclasses.replace(recipe, optim=dataclasses.replace(recipe.optim, steps=3))
    with pytest.raises(ConfigError, match="is no recipe"):
        load_recipe(recipe.optim)
