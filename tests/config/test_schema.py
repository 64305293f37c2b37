"""The JSON Schema of a recipe holds what the full check holds, for an editor."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal

from lusifer import config
from lusifer.config.schema import DRAFT
from lusifer.training.run import load_recipe


@dataclass(frozen=True)
class Term(config.Choice):
    weight: float = 1.0


@dataclass(frozen=True)
class Near(Term):
    kind: Literal["near"] = "near"


@dataclass(frozen=True)
class Far(Term):
    kind: Literal["far"] = "far"
    steps: int = 1


@dataclass(frozen=True)
class Small:
    name: str
    speed: Literal["slow", "fast"] = "slow"
    loss: tuple[Term, ...] = ()
    first: Term = field(default_factory=Near)


def test_a_recipes_schema_knows_its_keys_and_refuses_others() -> None:
    for name in ("minilm-29m", "static", "compact-30m", "e5-student", "lusifer-7b"):
        recipe = load_recipe(name)
        made = config.schema(type(recipe))
        assert set(made["properties"]) == {field.name for field in dataclasses.fields(recipe)}
        assert made["additionalProperties"] is False
        assert all(
            part.get("additionalProperties") is False
            for part in made["$defs"].values()
            if "properties" in part
        )


def test_a_schema_tells_what_must_be_there_and_what_may_be_chosen() -> None:
    made = config.schema(Small)
    assert made["$schema"] == DRAFT
    assert made["required"] == ["name"]
    assert made["properties"]["speed"]["enum"] == ["slow", "fast"]
    first = made["properties"]["first"]
    assert set(first["discriminator"]["mapping"]) == {"near", "far"}
    assert made["properties"]["loss"]["type"] == "array"
    assert json.loads(json.dumps(made)) == made


def test_a_wrong_key_is_found_by_the_schema_of_any_dataclass() -> None:
    made = config.schema(Small)
    good = {"name": "x", "loss": [{"kind": "far", "steps": 2}]}
    assert config.unknown_key(made, good, "r.yaml") is None
    wrong = {"name": "x", "loss": [{"kind": "near", "steps": 2}]}
    said = config.unknown_key(made, wrong, "r.yaml")
    assert said is not None
    assert said.startswith("r.yaml: loss[0]: unknown key 'steps'; the keys are ")
    assert "weight" in said
