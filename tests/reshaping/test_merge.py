"""A bridge merged into a standalone model: the same vectors, without its bases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.reshaping.merge import merge
from lusifer.training.assemble import assemble, save_model
from tests.conftest import TEXTS, make_table
from tests.models.bridge.test_module import PROMPTS, make

Folder = Callable[[str], Path]


def test_a_merged_bridge_stands_alone_and_gives_the_same_vectors(
    model_folder: Folder, tmp_path: Path
) -> None:
    bases = {f: tmp_path / f for f in ("bert", "llama")}
    for family, folder in bases.items():
        shutil.copytree(model_folder(family), folder)
    model = make(lambda f: bases[f], "bert", "llama", tokens=1)
    save_model(model, tmp_path / "bridge")
    lusifer.merge(tmp_path / "bridge", tmp_path / "whole")
    for folder in bases.values():
        shutil.rmtree(folder)
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "whole").encode(TEXTS), model.encode(TEXTS), atol=2e-5
    )
    np.testing.assert_allclose(
        SentenceTransformer(str(tmp_path / "whole"), trust_remote_code=True, device="cpu").encode(
            TEXTS
        ),
        model.encode(TEXTS),
        atol=2e-5,
    )
    with pytest.raises(LusiferError, match="exists already"):
        lusifer.merge(tmp_path / "whole", tmp_path / "whole")


def test_a_merged_bf16_bridge_keeps_exact_rotary_frequencies(
    model_folder: Folder, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    config = BridgeConfig(
        Part(str(model_folder("bert"))),
        Part(str(model_folder("llama")), dtype="bfloat16"),
        max_tokens=200,
    )
    model = assemble(Bridge.new(config)).eval()
    save_model(model, tmp_path / "b")
    lusifer.merge(tmp_path / "b", tmp_path / "whole")
    whole = lusifer.sentence_transformer(tmp_path / "whole")
    buffers = dict(model[0].target.named_buffers())
    for name, buffer in whole[0].target.named_buffers():
        assert buffer.dtype == buffers[name].dtype == torch.float32
        assert torch.equal(buffer, buffers[name]), name
    text = [" ".join(TEXTS)]
    np.testing.assert_array_equal(whole.encode(text), model.encode(text))


def test_adapters_are_folded_in_and_prompts_stay(model_folder: Folder, tmp_path: Path) -> None:
    save_model(make(model_folder, "bert", "llama", "lora", kind="linear"), tmp_path / "bridge")
    assert merge(tmp_path / "bridge", tmp_path / "whole") == tmp_path / "whole"
    names = set(load_file(tmp_path / "whole" / "trained.safetensors"))
    assert not any("lora_" in name for name in names)
    assert {name.split(".")[0] for name in names} == {"connector", "encoder", "target"}
    about = json.loads((tmp_path / "whole" / "bridge.json").read_text(encoding="utf-8"))
    assert [about["config"][role]["train"] for role in ("encoder", "target")] == ["full", "full"]
    before, after = lusifer.load(tmp_path / "bridge"), lusifer.load(tmp_path / "whole")
    assert dict(after.prompts) == PROMPTS
    texts = [*TEXTS[:4], "駅はどこですか。", ""]
    for prompt in (None, "query"):
        np.testing.assert_allclose(
            after.encode(texts, prompt=prompt), before.encode(texts, prompt=prompt), atol=2e-5
        )


def test_a_base_that_moved_is_named_and_what_is_no_bridge_is_told(
    model_folder: Folder, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(model_folder("llama"), base)
    model = make(lambda f: base if f == "llama" else model_folder(f), "bert", "llama")
    save_model(model, tmp_path / "bridge")
    base.rename(tmp_path / "moved")
    with pytest.raises(ModelError, match="no such model folder"):
        merge(tmp_path / "bridge", tmp_path / "whole")
    for name in (model_folder("bert"), make_table(tmp_path / "table")):
        with pytest.raises(ModelError, match="not a bridge; only a bridge is merged"):
            merge(name, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
    merge(tmp_path / "bridge", tmp_path / "whole", target=str(tmp_path / "moved"))
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "whole").encode(TEXTS), model.encode(TEXTS), atol=2e-5
    )
