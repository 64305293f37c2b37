"""Packed weights: a third of the size, the same model to a small angle, damage told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import load_file, save_file

import lusifer
from lusifer.errors import ModelError
from lusifer.models import families, packed
from lusifer.models.packed import is_packed, pack, quantise_rows, restore_rows, unpack
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 40), st.integers(-6, 6))
def test_no_number_moves_by_more_than_half_a_step_of_its_row(
    seed: int, n: int, d: int, power: int
) -> None:
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * 10.0**power
    rows[0] = 0
    kept, scale = quantise_rows(rows)
    assert (kept.dtype, scale.dtype, scale.shape) == (torch.int8, torch.float32, (n,))
    steps = rows.abs().amax(1, keepdim=True) / 127
    assert ((restore_rows(kept, scale) - rows).abs() <= steps * 0.501).all()
    assert torch.equal(restore_rows(kept, scale)[0], rows[0])


@pytest.fixture
def folders(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """A model, and the same packed."""
    monkeypatch.setattr(packed, "ROWS", 100)
    pack(model_folder("modernbert"), tmp_path / "packed")
    return model_folder("modernbert"), tmp_path / "packed"


def test_a_packed_model_is_the_model_and_smaller(folders: tuple[Path, Path]) -> None:
    whole, small = folders
    assert (is_packed(whole), is_packed(small)) == (False, True)
    state, kept = unpack(small), load_file(whole / "model.safetensors")
    assert set(state) == set(kept)
    for name, tensor in kept.items():
        assert state[name].shape == tensor.shape
        assert state[name].dtype == torch.float32
        cosine = torch.nn.functional.cosine_similarity(state[name].flatten(), tensor.flatten(), 0)
        assert float(cosine) > 0.999 or not tensor.any()
    sizes = [sum(f.stat().st_size for f in p.glob("*.safetensors")) for p in folders]
    assert sizes[1] < 0.6 * sizes[0]
    texts = [*TEXTS, "Größe 駅", ""]
    found = lusifer.load(small).encode(texts)
    assert (found * lusifer.load(whole).encode(texts)).sum(1).min() > 0.999
    alone = families.load(small, "encoder")
    assert torch.equal(
        alone.get_input_embeddings().weight, state["embeddings.tok_embeddings.weight"]
    )


def test_whole_numbers_stay_exact_and_a_pooler_is_left_aside(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "ROWS", 100)
    folder = shutil.copytree(model_folder("bert"), tmp_path / "bert")
    state = load_file(folder / "model.safetensors")
    width = state["embeddings.word_embeddings.weight"].shape[1]
    state |= {
        "pooler.dense.weight": torch.ones(width, width),
        "pooler.dense.bias": torch.ones(width),
    }
    save_file(state | {"numbers": torch.arange(1000)}, folder / "model.safetensors")
    pack(folder, tmp_path / "packed")
    assert torch.equal(unpack(tmp_path / "packed")["numbers"], torch.arange(1000))
    save_file(state, folder / "model.safetensors")
    pack(folder, tmp_path / "again")
    families.load(tmp_path / "again", "encoder")
    lusifer.load(tmp_path / "again")


def test_a_packed_folder_keeps_its_other_files(folders: tuple[Path, Path]) -> None:
    whole, small = folders
    others = {file.name for file in whole.iterdir()} - {"model.safetensors"}
    assert {file.name for file in small.iterdir()} == others | {packed.TABLES, packed.REST}
    for name in others:
        assert (small / name).read_bytes() == (whole / name).read_bytes()


def test_what_is_missing_or_cut_is_one_line(folders: tuple[Path, Path], tmp_path: Path) -> None:
    _, small = folders
    with pytest.raises(ModelError, match=r"no \*\.safetensors weights to pack"):
        pack(tmp_path / "packed" / "..", tmp_path / "again")
    for number, file in enumerate((packed.TABLES, packed.REST)):
        folder = tmp_path / str(number)
        shutil.copytree(small, folder)
        (folder / file).write_bytes((folder / file).read_bytes()[:-7])
        with pytest.raises(ModelError, match="the packed weights cannot be read") as told:
            lusifer.load(folder)
        assert "\n" not in str(told.value)
    assert not (tmp_path / "again").exists()
    assert np.isfinite(lusifer.load(small).encode(TEXTS[:1])).all()
