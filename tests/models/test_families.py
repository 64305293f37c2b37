"""Families: the allow-list, both directions of attention, and loading that fails loudly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lusifer.errors import ModelError
from lusifer.models import families
from tests.conftest import CAUSAL, make_tokenizer, tiny_config

Folder = Callable[[str], Path]


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("saved", [False, True])
def test_a_decoder_sees_both_ways_and_causally_when_asked(
    family: str, saved: bool, model_folder: Folder, tmp_path: Path
) -> None:
    folder = model_folder(family)
    model = families.load(folder, "target")
    if saved:  # the direction must not be lost by saving and loading
        model.save_pretrained(tmp_path)
        make_tokenizer(tmp_path)
        model = families.load(tmp_path, "target")
    x = torch.randn(1, 6, 32)
    y = x.clone()
    y[0, -1] += 1
    mask = torch.ones(1, 6, dtype=torch.long)
    first = [model(inputs_embeds=v, attention_mask=mask).last_hidden_state[0, 0] for v in (x, y)]
    assert (first[0] - first[1]).abs().max() > 1e-4, "position 0 must see the last token"
    causal = families.load(folder, "target", causal=True)
    first = [causal(inputs_embeds=v, attention_mask=mask).last_hidden_state[0, 0] for v in (x, y)]
    assert torch.equal(*first)


@pytest.mark.parametrize("family", families.FAMILIES["encoder"])
def test_every_listed_encoder_loads(family: str, model_folder: Folder) -> None:
    model = families.load(model_folder(family), "encoder")
    ids = torch.tensor([[0, 9, 8, 2]])
    assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.shape == (
        1,
        4,
        32,
    )
    assert not model.training


@pytest.mark.parametrize(
    ("family", "role"), [("gpt2", "target"), ("t5", "target"), ("llama", "encoder")]
)
def test_other_families_are_refused_with_the_list(
    family: str, role: families.Role, model_folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family}), encoding="utf-8")
    with pytest.raises(ModelError, match=family) as caught:
        families.read_config(tmp_path, role)
    for name in families.FAMILIES[role]:
        assert name in str(caught.value)


def test_pickled_weights_a_truncated_file_and_a_missing_tokenizer(
    model_folder: Folder, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model_folder("bert"), broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cut short"):
        families.load(broken, "encoder")
    weights.rename(broken / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled"):
        families.load(broken, "encoder")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (broken / name).unlink()
    with pytest.raises(ModelError, match="no tokenizer"):
        families.load_tokenizer(broken)
    with pytest.raises(ModelError, match="known family"):
        families.read_config(tmp_path / "nothing", "encoder")


def test_weights_that_lack_a_tensor_are_refused(model_folder: Folder, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "lacking"
    shutil.copytree(model_folder("llama"), folder)
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lack"):
        families.load(folder, "target")


def test_the_tiny_configurations_cover_every_family() -> None:
    for names in families.FAMILIES.values():
        for family in names:
            assert tiny_config(family).model_type == family
