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
from tests.conftest import SMALL, TEXTS, make_tokenizer


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


STATES = {
    "vocab_size": 160,
    "hidden_size": 32,
    "state_size": 8,
    "num_hidden_layers": 2,
    "pad_token_id": 1,
}
EXPERTS = {**SMALL, "num_key_value_heads": 2, "num_experts_per_tok": 2, "pad_token_id": 1}
OTHERS: dict[str, dict[str, object]] = {
    "mamba": STATES,
    "mamba2": {**STATES, "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 8},
    "granitemoe": {**EXPERTS, "num_local_experts": 4},
    "olmoe": {**EXPERTS, "num_experts": 4},
}


@pytest.mark.parametrize("family", OTHERS)
@pytest.mark.filterwarnings("ignore:.*mamba.*")
def test_state_spaces_and_mixtures_of_experts_are_read_trained_and_kept(
    family: str, tmp_path: Path
) -> None:
    """No list of families stands before a base: what transformers reads is read."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(family, **OTHERS[family])
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "base")
    make_tokenizer(tmp_path / "base")
    model = lusifer.load(tmp_path / "base")
    beside = model.encode(TEXTS[:6])
    alone = np.concatenate([model.encode([text]) for text in TEXTS[:6]])
    np.testing.assert_allclose(beside, alone, atol=1e-5)
    lines = "".join(f"{text}\t{text[:20]}\n" for text in TEXTS)
    (tmp_path / "pairs.tsv").write_text(lines, encoding="utf-8")
    recipe = {
        "stage": "contrastive",
        "output": str(tmp_path / "out"),
        "base": str(tmp_path / "base"),
        "data": {
            "root": str(tmp_path),
            "sources": [{"files": ["pairs.tsv"], "columns": ["document", "query"]}],
        },
        "negatives": 0,
        "batch_size": 4,
        "optim": {"steps": 2, "lr": 1e-3, "workers": 0},
    }
    made = lusifer.load(lusifer.train(recipe)).encode(TEXTS[:6])
    assert np.isfinite(made).all()
    assert np.abs(made - beside).max() > 1e-4
