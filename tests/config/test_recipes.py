"""Recipes as files: found by name, read, changed by dotted overrides, and written back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lusifer import config
from lusifer.errors import ConfigError


def test_items_of_a_list_are_overridden_by_their_number(tmp_path: Path) -> None:
    data = {"files": [{"name": "a"}, {"name": "b"}], "n": 1}
    assert config.override(data, ["files.1.name=c"])["files"] == [{"name": "a"}, {"name": "c"}]
    assert config.override(data, ["files.0=x"])["files"] == ["x", {"name": "b"}]
    assert data["files"] == [{"name": "a"}, {"name": "b"}], "the recipe itself is not changed"
    for wrong in ("files.2.name=c", "files.name=c", "files.-1=c"):
        with pytest.raises(ConfigError, match="an item of a list of 2; number them from 0"):
            config.override(data, [wrong])


def test_a_missing_recipe_and_a_binary_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such recipe"):
        config.read(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.read(tmp_path / "b.yaml")


@pytest.mark.parametrize("name", ["minilm", "minilm.yaml", Path("minilm")])
def test_a_recipe_that_ships_is_found_by_its_name(name: str | Path, tmp_path: Path) -> None:
    found = config.find(name)
    assert (found.name, found.parent.name) == ("minilm.yaml", "recipes")
    assert config.find("distil-student") == config.find("distill-student"), "its name of before"
    assert config.find(tmp_path / "none.yaml") == tmp_path / "none.yaml", "a path is a path"


def test_a_file_here_stands_before_one_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").write_text("stage: align\n", encoding="utf-8")
    assert config.read(config.find("minilm")) == {"stage": "align"}
    with pytest.raises(ConfigError, match=r"нет: no such recipe file.*\(.*minilm.*\)"):
        config.find("нет")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("optim.lr=1e-4", {"optim": {"lr": 1e-4, "steps": 3}}),
        ("optim.deep.er=[a, 日本語]", {"optim": {"steps": 3, "deep": {"er": ["a", "日本語"]}}}),
        ("optim=null", {"optim": None}),
        ("optim.steps.more=1", {"optim": {"steps": {"more": 1}}}),
        ("root=a=b", {"optim": {"steps": 3}, "root": "a=b"}),
        ("root=", {"optim": {"steps": 3}, "root": None}),
    ],
)
def test_an_override_puts_a_value_where_its_key_says(change: str, wanted: dict[str, Any]) -> None:
    assert config.override({"optim": {"steps": 3}}, [change]) == wanted


def test_of_two_overrides_the_later_holds() -> None:
    assert config.override({}, ["a.b=1", "a.b=2", "a.c=3"]) == {"a": {"b": 2, "c": 3}}


@pytest.mark.parametrize(
    "text",
    [
        "optim.lr",
        "=3",
        "a=[1",
        "a=*nothing",
        "a=2020-13-45",
        "a=0x_",
        "a={2020-01-01: 1}",
        pytest.param(f"a={'9' * 5000}", id="5,000 digits"),
        "files.0.x.y=1",
        "files.²=1",
        "files.٣=1",
        pytest.param(f"files.{'9' * 5000}=1", id="an item of 5,000 digits"),
    ],
)
def test_an_override_that_cannot_be_read_is_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.override({"files": ["a", "b"]}, [text])
    assert repr(text) in str(caught.value)


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("stage: align\nöl: [1,\nb: }\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"r\.yaml:3: not valid YAML"):
        config.read(tmp_path / "r.yaml")


def test_what_is_dumped_reads_back_in_its_own_script_and_order() -> None:
    data = {"z": ("हिन्दी", "ไทย"), "a": {"yes": True, "nothing": None, "rate": 1e-4}}
    text = config.dump(data)
    assert "हिन्दी" in text
    assert list(yaml.safe_load(text)) == ["z", "a"]
    assert yaml.safe_load(text) == config.plain(data) == {**data, "z": ["हिन्दी", "ไทย"]}
