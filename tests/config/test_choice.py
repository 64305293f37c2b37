"""A choice is a class: told apart by its kind, added by a definition, and holding finite numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import pytest

from lusifer import config
from lusifer.errors import ConfigError, LusiferError, ModelError


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


def test_a_kind_that_is_defined_later_is_one_of_the_choices() -> None:
    @dataclass(frozen=True)
    class Tool(config.Choice):
        pass

    @dataclass(frozen=True)
    class Saw(Tool):
        kind: Literal["saw"] = "saw"

    assert set(Tool.choices()) == {"saw"}

    @dataclass(frozen=True)
    class Jigsaw(Saw):
        kind: Literal["jigsaw"] = "jigsaw"  # type: ignore[assignment]
        teeth: int = 3

    assert Tool.choices() == {"saw": Saw, "jigsaw": Jigsaw}
    assert config.build(Tool, {"kind": "jigsaw", "teeth": 9}, "tools") == Jigsaw(teeth=9)
    assert Fruit.choices().keys() == {"apple", "plum"}, "another class's kinds are its own"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused_by_its_name(number: float) -> None:
    with pytest.raises(ValueError, match=r"weight is .*; it must be a finite number"):
        Plum(weight=number)

    @dataclass(frozen=True)
    class Scale:
        name: str = "∞"
        marks: tuple[float, ...] = ()

    config.refuse_nan(Scale(marks=(1.0, 2.0)))
    with pytest.raises(LusiferError, match=r"marks is .*; it must be a finite number"):
        config.refuse_nan(Scale(marks=(1.0, number)))
    with pytest.raises(ModelError, match="marks"):
        config.refuse_nan(Scale(marks=(number,)), ModelError)
