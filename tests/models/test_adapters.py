"""An adapter a task: the prompt chooses it, the backbone stays as it was, damage is told."""

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
from lusifer.models import Lora, Vectors, lora_config
from lusifer.models.adapters import AdaptedEmbedder, read_mapping, write_adapter
from lusifer.training.adapters import add_lora
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
NAMES = ("search", "同じ")


@pytest.fixture
def adapted(model_folder: Folder, tmp_path: Path) -> tuple[Path, dict[str, Vectors]]:
    """A folder with two adapters, each written by itself, and the vectors that each gives."""
    base, due = model_folder("bert"), dict[str, Vectors]()
    others: Path | None = None
    for seed, name in enumerate(NAMES):
        torch.manual_seed(seed)
        model = lusifer.sentence_transformer(base, device="cpu")
        add_lora(model, Lora(rank=2 + seed))
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if "lora_B" in key:
                    parameter.normal_(std=0.3)
        due[name] = model.eval().encode(TEXTS, normalize_embeddings=True)
        folder = tmp_path / str(seed)
        plain = lusifer.sentence_transformer(base, device="cpu")
        plain.prompts = {"query": "", "document": "", name: ""}
        plain.save(str(folder), create_model_card=False)
        prompts = ("query", "document") if not seed else (name,)
        write_adapter(model, lora_config(Lora(rank=2 + seed)), folder, name, prompts, others)
        others = folder
    return tmp_path / "1", due


def test_each_prompt_gives_its_adapter_s_vectors_in_any_order(
    adapted: tuple[Path, dict[str, Vectors]], model_folder: Folder
) -> None:
    folder, due = adapted
    model = lusifer.load(folder, device="cpu")
    assert isinstance(model, AdaptedEmbedder)
    bare = lusifer.load(model_folder("bert")).encode(TEXTS)
    wanted = {"query": due["search"], "同じ": due["同じ"], None: bare, "document": due["search"]}
    for prompt in (*wanted, *reversed(wanted)):
        found = model.encode(TEXTS, prompt=prompt)
        np.testing.assert_allclose(found, wanted[prompt], atol=1e-5)
    assert np.abs(due["search"] - due["同じ"]).max() > 0.01 < np.abs(due["search"] - bare).max()


def test_what_is_written_tells_which_prompt_takes_which(
    adapted: tuple[Path, dict[str, Vectors]],
) -> None:
    folder, _ = adapted
    assert read_mapping(folder) == {"query": "search", "document": "search", "同じ": "同じ"}
    assert not any("lora" in key for key in load_file(folder / "model.safetensors"))


def test_a_damaged_or_foreign_adapter_is_one_line(
    adapted: tuple[Path, dict[str, Vectors]], tmp_path: Path
) -> None:
    whole, _ = adapted
    file = Path("adapters") / "search" / "adapter_model.safetensors"

    def cut(folder: Path) -> None:
        (folder / file).write_bytes((folder / file).read_bytes()[:-9])

    def foreign(folder: Path) -> None:
        more = {"base_model.model.other.lora_A.weight": torch.zeros(2, 2)}
        save_file(load_file(folder / file) | more, folder / file)

    def gone(folder: Path) -> None:
        (folder / file).unlink()

    def unnamed(folder: Path) -> None:
        (folder / "adapters.json").write_text(json.dumps(["search"]), encoding="utf-8")

    for number, (damage, said) in enumerate(
        (
            (cut, r"search: damaged or incomplete"),
            (foreign, r"search: does not fit the backbone \(.*other"),
            (gone, r"names the adapter 'search', which is not in"),
            (unnamed, r"adapters\.json: expected a JSON object"),
        )
    ):
        folder = tmp_path / f"damaged-{number}"
        shutil.copytree(whole, folder)
        damage(folder)
        with pytest.raises(ModelError, match=said) as told:
            lusifer.load(folder)
        assert "\n" not in str(told.value)
