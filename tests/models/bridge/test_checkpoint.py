"""A bridge's checkpoint: it holds what was trained, finds its bases, and damage is one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import lusifer
from lusifer.errors import ModelError
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.training.assemble import assemble, save_model
from tests.conftest import TEXTS
from tests.models.bridge.test_module import make

Folder = Callable[[str], Path]


def test_a_checkpoint_holds_only_what_was_trained(model_folder: Folder, tmp_path: Path) -> None:
    """Fault 7: 16 GB of base weights, loaded with strict=False."""
    save_model(make(model_folder, tokens=1), tmp_path / "b")
    names = set(load_file(tmp_path / "b" / "trained.safetensors"))
    assert names
    assert all(n.startswith("connector.") or "lora_" in n for n in names)
    files = {p.suffix for p in (tmp_path / "b").rglob("*") if p.is_file()}
    assert not files & {".bin", ".pt", ".pth", ".pkl"}


def test_bases_that_moved_and_bases_that_changed(model_folder: Folder, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(model_folder("llama"), base)
    model = make(lambda f: base if f == "llama" else model_folder(f))
    save_model(model, tmp_path / "b")
    moved = tmp_path / "moved"
    base.rename(moved)
    with pytest.raises(ModelError, match="no such model folder"):
        lusifer.load(tmp_path / "b")
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "b", target=str(moved)).encode(TEXTS),
        model.encode(TEXTS),
        atol=1e-6,
    )
    tensors = load_file(moved / "model.safetensors")
    tensors["model.norm.weight"][0] += 1
    save_file(tensors, moved / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="weights differ"):
        lusifer.load(tmp_path / "b", target=str(moved))


def damage_cut(folder: Path) -> None:
    file = folder / "trained.safetensors"
    file.write_bytes(file.read_bytes()[:-50])


def damage_gone(folder: Path) -> None:
    (folder / "trained.safetensors").unlink()


def damage_lacks(folder: Path) -> None:
    tensors = load_file(folder / "trained.safetensors")
    tensors.pop("connector.first.weight")
    save_file(tensors, folder / "trained.safetensors")


def damage_more(folder: Path) -> None:
    save_file(
        load_file(folder / "trained.safetensors") | {"connector.third": torch.zeros(1)},
        folder / "trained.safetensors",
    )


def damage_shape(folder: Path) -> None:
    save_file(
        load_file(folder / "trained.safetensors") | {"connector.first.bias": torch.zeros(3)},
        folder / "trained.safetensors",
    )


def damage_json(folder: Path) -> None:
    file = folder / "bridge.json"
    file.write_text(file.read_text(encoding="utf-8")[:-40], encoding="utf-8")


def damage_key(folder: Path) -> None:
    file = folder / "bridge.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["config"]["new_setting"] = 1
    file.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (damage_cut, "cut short"),
        (damage_gone, "incomplete"),
        (damage_lacks, r"lacks tensor 'connector.first.weight'"),
        (damage_more, r"unexpected tensor 'connector.third'"),
        (damage_shape, "shape"),
        (damage_json, "JSON"),
        (damage_key, "new_setting"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    damage: Callable[[Path], None], what: str, model_folder: Folder, tmp_path: Path
) -> None:
    save_model(make(model_folder), tmp_path / "b")
    damage(tmp_path / "b")
    with pytest.raises(ModelError, match=what) as caught:
        lusifer.load(tmp_path / "b")
    assert "\n" not in str(caught.value)


def test_a_relative_base_is_found_above_the_checkpoint(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's checkpoint loads from any working directory."""
    project = tmp_path / "project"
    for family in ("bert", "llama"):
        shutil.copytree(model_folder(family), project / "models" / family)
    monkeypatch.chdir(project)
    model = assemble(
        Bridge.new(BridgeConfig(Part("models/bert"), Part("models/llama"), max_tokens=64))
    ).eval()
    save_model(model, project / "out" / "run" / "model")
    monkeypatch.chdir(tmp_path)
    found = lusifer.load(project / "out" / "run" / "model")
    np.testing.assert_allclose(found.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    (project / "models" / "bert").rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="if it has moved, say where"):
        lusifer.load(project / "out" / "run" / "model")
    assert (
        lusifer.load(project / "out" / "run" / "model", encoder=str(tmp_path / "elsewhere")).dim
        == 32
    )
    with pytest.raises(TypeError):
        lusifer.load(project / "out" / "run" / "model", enkoder="x")  # type: ignore[call-arg]


def test_a_base_in_another_precision_is_the_same_model_and_another_is_not(
    model_folder: Folder, tmp_path: Path
) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(model_folder("xlm-roberta"), encoder)
    bridge = Bridge.new(
        BridgeConfig(
            Part(str(encoder), exact=False), Part(str(model_folder("bert"))), max_tokens=64
        )
    )
    folder = tmp_path / "bridge"
    save_model(assemble(bridge, "cpu"), folder)
    before = lusifer.load(folder).encode(TEXTS)
    tensors = load_file(encoder / "model.safetensors")
    rounded = {k: v.to(torch.bfloat16).float() for k, v in tensors.items()}
    save_file(rounded, encoder / "model.safetensors", {"format": "pt"})
    assert (lusifer.load(folder).encode(TEXTS) * before).sum(1).min() > 0.99
    for other in (
        {k: 2 * v for k, v in tensors.items()},
        {k: torch.randn_like(v.float()) for k, v in tensors.items()},
    ):
        save_file(other, encoder / "model.safetensors", {"format": "pt"})
        with pytest.raises(
            ModelError, match="its weights differ from those this bridge was trained with"
        ):
            lusifer.load(folder)


def test_a_checkpoint_without_a_tokenizer_takes_its_encoders(
    model_folder: Folder, tmp_path: Path
) -> None:
    bridge = Bridge.new(
        BridgeConfig(
            Part(str(model_folder("xlm-roberta"))), Part(str(model_folder("bert"))), max_tokens=64
        )
    )
    folder = tmp_path / "bridge"
    save_model(assemble(bridge, "cpu"), folder)
    before = lusifer.load(folder).encode(TEXTS)
    for file in (folder / "encoder").glob("token*"):
        file.unlink()
    np.testing.assert_array_equal(lusifer.load(folder).encode(TEXTS), before)


def test_a_bridge_takes_frozen_parts_from_another_of_the_same_bases(
    model_folder: Folder, tmp_path: Path
) -> None:
    for name, kind in (("a", "mlp"), ("b", "linear")):
        save_model(make(model_folder, "bert", "llama", "frozen", kind=kind), tmp_path / name)
    first = Bridge.load(str(tmp_path / "a"))
    second = Bridge.load(str(tmp_path / "b"), sharing=first)
    assert (second.encoder, second.target) == (first.encoder, first.target)
    np.testing.assert_allclose(
        assemble(second, "cpu").eval().encode(TEXTS), lusifer.load(tmp_path / "b").encode(TEXTS),
        atol=1e-6,
    )  # fmt: skip
    save_model(make(model_folder, "bert", "llama", "lora"), tmp_path / "c")
    third = Bridge.load(str(tmp_path / "c"), sharing=first)
    assert third.encoder is not first.encoder, "what was trained is its own"
    assert not any("lora_" in name for name, _ in first.named_parameters())


def test_a_bridge_takes_over_what_another_has_learnt_or_says_why_not(model_folder: Folder) -> None:
    old, new = (make(model_folder, "bert", "llama", "lora", tokens=1) for _ in range(2))
    with torch.no_grad():
        for parameter in old[0].parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    assert np.abs(new.encode(TEXTS) - old.encode(TEXTS)).max() > 1e-3
    new[0].take_over(old[0])
    np.testing.assert_array_equal(new.encode(TEXTS), old.encode(TEXTS))
    for other, said in (
        (make(model_folder, "bert", "llama", "lora", kind="linear"), "connector is 'mlp', this"),
        (make(model_folder, "bert", "llama", "frozen", tokens=1), "does not train and would lose"),
        (make(model_folder, "xlm-roberta", "llama", "lora", tokens=1), "with other weights than"),
        (make(model_folder, "bert", "llama", "lora", tokens=2), r"shape \(1, 32\), this recipe's"),
    ):
        with pytest.raises(ModelError, match=said) as told:
            other[0].take_over(old[0])
        assert "\n" not in str(told.value)
