"""Recipes and settings of before are read with the names of today."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import lusifer
from lusifer import config

SHIPPED = sorted((Path(lusifer.__file__).parent / "recipes").glob("*.yaml"))
OLD = sorted((Path(__file__).parents[1] / "artifacts" / "recipes").glob("*.yaml"))


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


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_recipe_of_today_is_left_as_it_is(file: Path) -> None:
    data = config.read(file)
    assert config.upgraded(data) == data


@pytest.mark.parametrize("file", OLD, ids=lambda file: file.stem)
def test_a_recipe_of_before_is_brought_up_once_and_not_changed_itself(file: Path) -> None:
    data = config.read(file)
    kept = copy.deepcopy(data)
    new = config.upgraded(data)
    assert data == kept
    assert config.upgraded(new) == new
    assert config.shipped_schema(new["stage"], new.get("method")), "a stage that there is"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("distil", {"stage": "distill", "method": "bridge"}),
        ("decoder", {"stage": "pretrain", "method": "causal"}),
        ("context", {"stage": "static", "method": "context"}),
        ("of_my_own", {"stage": "of_my_own"}),
    ],
)
def test_a_stage_of_before_has_its_name_and_method(old: str, new: dict[str, str]) -> None:
    assert config.upgraded({"stage": old}) == new


def test_a_finetune_of_before_keeps_what_it_meant() -> None:
    old = {"stage": "finetune", "start": "out/bridge", "temperature": 0.1, "data": {"root": "ἀρχή"}}
    assert config.upgraded(old) == {
        "stage": "contrastive",
        "base": "out/bridge",
        "data": {"english_only": True, "root": "ἀρχή"},
        "optim": {"lr": 5e-5},
        "loss": [{"kind": "info_nce", "temperature": 0.1, "mask": None}],
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"queries": 16, "heads": 8, "temperature": 1.0, "nearest": 10}, {"kind": "mlp"}),
        ({"kind": "words", "nearest": 10, "queries": 16}, {"kind": "words", "nearest": 10}),
        ({"kind": "linear", "queries": 4}, {"kind": "linear", "queries": 4}),
        ({"kind": "of_my_own", "queries": 16}, {"kind": "of_my_own", "queries": 16}),
    ],
)
def test_a_connector_loses_only_what_its_kind_never_read(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    """A key that was set on purpose stays, so that it is refused and not lost."""
    assert config.upgraded({"branches": [{"connector": old}]}) == {"branches": [{"connector": new}]}


@pytest.mark.parametrize(
    "data",
    [
        {"stage": "retriever", "teacher": "bert"},
        {"stage": "retriever", "contrast": 3},
        {"stage": "retriever", "teacher": ["a"]},
        {"stage": "finetune", "optim": 3},
        {"stage": "finetune", "optim": "fast", "data": [1]},
    ],
)
def test_what_an_old_recipe_never_held_stays_to_be_told_by_its_key(data: dict[str, Any]) -> None:
    wrong = {key: value for key, value in data.items() if key not in ("stage", "data")}
    assert wrong.items() <= config.upgraded(data).items()
