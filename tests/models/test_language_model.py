"""A decoder with its head is read, and what is none is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from lusifer.errors import ModelError
from lusifer.models.language_model import causal_lm

Folder = Callable[[str], Path]


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"])
def test_every_family_is_read_with_its_head(family: str, model_folder: Folder) -> None:
    model = causal_lm(model_folder(family))
    assert model.get_output_embeddings() is not None
    assert model.base_model is not model


def test_what_has_no_head_is_one_line(tmp_path: Path, model_folder: Folder) -> None:
    with pytest.raises(ModelError, match=r"a language model is wanted \(llama.*not 'bert'"):
        causal_lm(model_folder("bert"))
    bare = tmp_path / "bare"
    transformers.AutoModel.from_pretrained(model_folder("qwen3")).save_pretrained(bare)
    with pytest.raises(ModelError, match=r"has no LM head .*lm_head"):
        causal_lm(bare)
    cut = tmp_path / "cut"
    shutil.copytree(model_folder("llama"), cut)
    file = cut / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="perhaps cut short"):
        causal_lm(cut)
