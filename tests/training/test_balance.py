"""The experts' load: the loss is the library's, is learnt, and leaves nothing in the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import lusifer
from lusifer.errors import ConfigError
from lusifer.training.balance import Balance
from lusifer.training.run import load_recipe, train
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def loaded(folder: Path) -> Any:
    return lusifer.sentence_transformer(folder, device="cpu")


def test_it_is_what_transformers_adds_to_a_language_model(model_folder: Folder) -> None:
    folder = model_folder("qwen3_moe")
    model = loaded(folder)
    balance = Balance(model, 0.5, "x")
    features = model.preprocess([TEXTS[0], " ".join(TEXTS[:4])])
    model.train()
    model(dict(features))
    found = balance()
    assert isinstance(found, torch.Tensor)
    whole = transformers.AutoModelForCausalLM.from_pretrained(folder)
    due = whole(**features, output_router_logits=True, labels=features["input_ids"]).aux_loss
    torch.testing.assert_close(found, 0.5 * due, rtol=1e-5, atol=1e-5)
    found.backward()  # type: ignore[no-untyped-call]
    routers = [p for n, p in model.named_parameters() if n.endswith("gate.weight")]
    assert routers
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in routers)
    # Nothing is heard of a model that embeds, and nothing is heard twice.
    model.eval()
    model(dict(features))
    with torch.no_grad():
        model.train()
        model(dict(features))
    assert balance() == 0.0


def recipe(folder: Path, base: Path, **changes: Any) -> dict[str, Any]:
    rows = [{"query": text[:24], "document": text} for text in TEXTS]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    source = {"files": ["pairs.jsonl"], "columns": ["query", "document"]}
    return {
        "stage": "contrastive",
        "output": str(folder / "out"),
        "base": str(base),
        "data": {"root": str(folder), "sources": [source]},
        "negatives": 0,
        "batch_size": 8,
        "loss": [{"kind": "info_nce", "temperature": 0.1, "mask": None}],
        "optim": {"steps": 40, "lr": 5e-3, "workers": 0, "precision": "fp32", "save_every": 40},
        **changes,
    }


def test_training_with_it_evens_the_load(tmp_path: Path, model_folder: Folder) -> None:
    def load_of(folder: Path) -> float:
        model = loaded(folder)
        balance = Balance(model, 1.0, "x")
        model.train()
        model(model.preprocess(TEXTS))
        return float(torch.as_tensor(balance()).detach())

    base = model_folder("qwen3_moe")
    with_it, without = (
        train(recipe(tmp_path, base, balance=b, output=str(tmp_path / str(b)))) for b in (1.0, 0.0)
    )
    assert load_of(with_it) < load_of(without) - 0.005
    assert (
        "output_router_logits" not in json.loads((with_it / "config.json").read_text())
        or not (json.loads((with_it / "config.json").read_text())["output_router_logits"])
    )


def test_what_has_no_experts_is_one_line(tmp_path: Path, model_folder: Folder) -> None:
    with pytest.raises(ConfigError, match="this base has no router"):
        train(recipe(tmp_path, model_folder("llama"), balance=0.1))
    for changes in ({"mini_batch_tokens": 100}, {"lora": {}}, {"balance": -1.0}):
        with pytest.raises(ConfigError, match="balance is a weight"):
            load_recipe(recipe(tmp_path, model_folder("qwen3_moe"), **{"balance": 0.1, **changes}))
