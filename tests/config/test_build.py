"""Recipes: a wrong key or value gets one line that names the right ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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


@dataclass(frozen=True)
class Fruit(config.Choice):
    weight: float = 1.0


@dataclass(frozen=True)
class Apple(Fruit):
    kind: Literal["apple"] = "apple"
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if any(seed < 0 for seed in self.seeds):
            raise ValueError("seeds are numbers from 0 on")


@dataclass(frozen=True)
class Plum(Fruit):
    kind: Literal["plum"] = "plum"
    stone: bool = True


@dataclass(frozen=True)
class Basket:
    first: Fruit = field(default_factory=Apple)
    more: tuple[Fruit, ...] = ()
    by_name: dict[str, Fruit] = field(default_factory=dict)
    last: Fruit | None = None


def test_a_choice_takes_the_keys_of_its_own_kind() -> None:
    data = {
        "first": {"kind": "plum", "stone": False},
        "more": {"kind": "apple", "seeds": 3},
        "by_name": {"a": {"kind": "plum", "weight": 2}},
    }
    got = config.build(Basket, data, "basket")
    assert got == Basket(Plum(stone=False), (Apple(seeds=(3,)),), {"a": Plum(weight=2.0)})
    assert config.build(Basket, config.plain(got), "again") == got
    assert list(config.plain(got)["first"]) == ["kind", "weight", "stone"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"first": {"kind": "pear"}}, ["basket: first.kind is 'pear'", "apple, plum"]),
        ({"first": {"stone": True}}, ["basket: first.kind is None", "apple, plum"]),
        (
            {"first": {"kind": "apple", "stone": True}},
            ["basket: first: unknown key 'stone'", "kind, weight, seeds"],
        ),
        (
            {"more": [{"kind": "plum"}, {"kind": "plum", "ston": 1}]},
            ["basket: more[1]: unknown key 'ston'", "did you mean 'stone'"],
        ),
        ({"by_name": {"a": {"kind": "plum", "stone": 1}}}, ["by_name.a.stone is 1", "type bool"]),
        ({"last": {"kind": "apple", "seeds": [1, -1]}}, ["basket: last: seeds are numbers"]),
        ({"last": {"kind": "apple", "seeds": [1.5]}}, ["last.seeds[0] is 1.5", "type int"]),
        ({"last": "apple"}, ["last: expected a mapping whose kind is one of apple, plum"]),
        ({"first": {"kind": "apple", "weight": "heavy"}}, ["first.weight is 'heavy'", "float"]),
    ],
)
def test_a_wrong_choice_is_told_in_one_line(data: object, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.build(Basket, data, "basket")
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_items_of_a_list_are_overridden_by_their_number(tmp_path: Path) -> None:
    data = {"files": [{"name": "a"}, {"name": "b"}], "n": 1}
    assert config.override(data, ["files.1.name=c"])["files"] == [{"name": "a"}, {"name": "c"}]
    assert config.override(data, ["files.0=x"])["files"] == ["x", {"name": "b"}]
    assert data["files"] == [{"name": "a"}, {"name": "b"}], "the recipe itself is not changed"
    for wrong in ("files.2.name=c", "files.name=c", "files.-1=c"):
        with pytest.raises(ConfigError, match="an item of a list of 2; number them from 0"):
            config.override(data, [wrong])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"stage": "distill", "loss": {"kl": 0.5}}, ["cosine", "ranking", "kl"]),
        ({"stage": "distil", "loss": {"ranking": 0}}, ["cosine"]),
        ({"stage": "student", "loss": {"kl": 0.0}}, ["error"]),
        ({"stage": "pooled", "loss": [{"kind": "mse"}]}, ["mse"]),
    ],
)
def test_a_loss_of_before_is_a_list_of_terms(old: dict[str, Any], new: list[str]) -> None:
    found = config.upgraded(old)["loss"]
    assert [term["kind"] for term in found] == new
    assert all(term.get("temperature", 0.05) == 0.05 for term in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"contrast": {"temperature": 0.1}}, [("info_nce", None)]),
        ({"contrast": {"temperature": 0.1}, "teacher": {"weight": 0}}, [("info_nce", None)]),
        ({"contrast": {"temperature": 0.1}, "teacher": {}}, [("info_nce", None), ("scores", 0.1)]),
        ({}, [("info_nce", None)]),
    ],
)
def test_a_retriever_of_before_has_its_loss_as_terms(
    old: dict[str, Any], new: list[tuple[str, float | None]]
) -> None:
    found = config.upgraded({"stage": "retriever", **old})
    assert found["stage"] == "contrastive"
    assert [(term["kind"], term.get("own_temperature")) for term in found["loss"]] == new


def test_a_missing_recipe_and_a_binary_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such recipe"):
        config.read(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.read(tmp_path / "b.yaml")


def test_a_recipes_schema_knows_its_keys_and_refuses_others() -> None:
    for name in ("minilm", "static", "compact-30m", "e5-student", "lusifer-7b"):
        recipe = load_recipe(name)
        made = config.schema(type(recipe))
        assert set(made["properties"]) == {field.name for field in dataclasses.fields(recipe)}
        assert made["additionalProperties"] is False
        assert all(
            part.get("additionalProperties") is False
            for part in made["$defs"].values()
            if "properties" in part
        )


def test_a_recipe_may_be_an_object() -> None:
    recipe = load_recipe("e5-student")
    changed = load_recipe(recipe, ["optim.steps=3"])
    assert changed == dataclasses.replace(recipe, optim=dataclasses.replace(recipe.optim, steps=3))
    with pytest.raises(ConfigError, match="is no recipe"):
        load_recipe(recipe.optim)
