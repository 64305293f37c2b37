"""What is wrong with a recipe is one line: the dotted key, what stands there, what would be right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from lusifer import config
from lusifer.config.explain import unknown, way_to
from lusifer.errors import ConfigError


@dataclass(frozen=True)
class Source:
    files: tuple[str, ...]
    weight: float = 1.0
    script: Literal["Latn", "Deva"] | None = None


@dataclass(frozen=True)
class Data:
    sources: tuple[Source, ...] = ()
    prompts: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Source] = field(default_factory=dict)
    limit: int | None = None
    mixed: bool = False


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"limit": "viele"}, "r: limit is 'viele'; it must be of type int"),
        ({"mixed": "ja"}, "r: mixed is 'ja'; it must be of type bool"),
        ({"prompts": {"सवाल": 3}}, "r: prompts.सवाल is 3; it must be of type str"),
        (
            {"sources": [{"files": ["a"]}, {"files": ["b"], "weight": "schwer"}]},
            "r: sources[1].weight is 'schwer'; it must be of type float",
        ),
        (
            {"sources": [{"files": "a", "script": "Cyrl"}]},
            "r: sources[0].script is 'Cyrl'; it must be one of Latn, Deva",
        ),
        (
            {"parts": {"ру": {"weight": 2}}},
            "r: parts.ру: the key 'files' is missing; the keys are files, weight, script",
        ),
        (
            {"parts": {"ру": "a.tsv"}},
            "r: parts.ру: expected a mapping with keys files, weight, script, got 'a.tsv'",
        ),
        (
            {"sources": [{"fles": "a"}]},
            "r: sources[0]: unknown key 'fles'; did you mean 'files'? the keys are files, weight, script",
        ),
        ({"limit": 1.5}, "r: limit is 1.5; it must be of type int"),
    ],
)
def test_a_fault_is_told_by_its_place_and_by_what_would_be_right(
    data: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.build(Data, data, "r")
    assert str(caught.value) == said


def test_a_key_that_nothing_knows_is_told_before_one_that_lacks() -> None:
    """It is the likely reason why the other lacks."""
    with pytest.raises(ConfigError, match="unknown key 'dateien'"):
        config.build(Source, {"dateien": ["a"], "weight": "x"}, "r")


def test_only_a_near_key_is_offered() -> None:
    keys = ["weight", "files"]
    assert "did you mean 'weight'?" in unknown("r", ["loss", 0, "wieght"], keys)
    assert "did you mean" not in unknown("r", ["loss", 0, "何"], keys)
    assert unknown("r", ["何"], keys) == "r: unknown key '何'; the keys are weight, files"


def test_the_way_to_a_fault_leaves_out_what_is_not_in_the_data() -> None:
    data = {"loss": [{"kind": "near", "weight": 1}]}
    assert way_to(data, ("loss", 0, "near", "weight")) == ["loss", 0, "weight"]
    assert way_to(data, ("loss", 1, "weight")) == ["loss"]
    assert way_to(data, ("nothing",)) == []
