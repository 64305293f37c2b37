"""Models as the hub has them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import lusifer
from lusifer.models.sentence_transformer import sentence_transformer
from tests.conftest import TEXTS


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(
    ("family", "kept"),
    [("bert", "float16"), ("xlm-roberta", "float16"), ("llama", "bfloat16"), ("qwen3", "float16"), ("modernbert", "bfloat16")],
)  # fmt: skip
def test_half_precision_weights_are_lifted_on_a_cpu(
    family: str, kept: str, bf16: bool, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    import torch

    half = tmp_path / "half"
    shutil.copytree(model_folder(family), half)
    weights = {
        k: v.to(getattr(torch, kept)) for k, v in load_file(half / "model.safetensors").items()
    }
    save_file(weights, half / "model.safetensors", {"format": "pt"})
    config = (half / "config.json").read_text(encoding="utf-8")
    (half / "config.json").write_text(config.replace("float32", kept), encoding="utf-8")
    assert {p.dtype for p in sentence_transformer(half).parameters()} == {torch.float32}
    found = lusifer.load(half, bf16=bf16).encode(TEXTS[:4])
    whole = lusifer.load(model_folder(family)).encode(TEXTS[:4])
    assert ((found * whole).sum(1) > (0.99 if bf16 else 0.9999)).all()
    assert np.isfinite(found).all()


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta"])
def test_a_text_is_cut_at_the_learned_positions_where_the_tokenizer_would_read_more(
    model_folder: Callable[[str], Path], family: str
) -> None:
    model = lusifer.load(model_folder(family))
    long, longer = model.encode(["market " * 900, "market " * 2000])
    np.testing.assert_allclose(long, longer, atol=1e-5)
