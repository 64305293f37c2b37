"""The mask goes from causal to both ways by the step alone, in training alone, and a resumed run is the
uninterrupted one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import lusifer
from lusifer.training.reading import Reading, read_as
from lusifer.training.run import train
from lusifer.training.soft_mask import SoftMask, softened
from tests.conftest import CAUSAL, TEXTS

Folder = Callable[[str], Path]


def test_what_is_added_to_the_scores() -> None:
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    least = torch.finfo(torch.bfloat16).min
    half = softened(mask, 0.5, torch.float32)
    assert half.shape == (2, 1, 3, 3)
    log = float(np.log(0.5))
    np.testing.assert_allclose(half[0, 0], [[0, log, log], [0, 0, log], [0, 0, 0]], rtol=1e-6)
    assert (half[1, 0, :, 2] == least).all()
    assert (
        softened(mask, 0.0, torch.float32)[0, 0] == torch.triu(torch.full((3, 3), least), 1)
    ).all()
    assert (softened(mask, 1.0, torch.float32)[0] == 0).all()
    assert softened(mask, 0.0, torch.float32).to(torch.bfloat16).isfinite().all()


@pytest.mark.parametrize("family", CAUSAL)
def test_from_causal_to_both_ways(family: str, model_folder: Folder) -> None:
    """At share 0 the states are a causal model's, at 1 those of one that attends both ways."""
    states = {}
    for attention in ("causal", "bidirectional", "soft"):
        model = lusifer.sentence_transformer(model_folder(family), device="cpu")
        read_as(model, Reading(attention=attention), family)  # type: ignore[arg-type]
        inner = model[0].auto_model.eval()
        given = model.tokenizer(TEXTS[:3], padding=True, return_tensors="pt")
        keep = given["attention_mask"].bool()

        def read(inner=inner, given=given, keep=keep) -> torch.Tensor:  # type: ignore[no-untyped-def]
            with torch.no_grad():
                found: torch.Tensor = inner(
                    input_ids=given["input_ids"], attention_mask=given["attention_mask"]
                ).last_hidden_state[keep]
            return found

        if attention != "soft":
            states[attention] = read()
            continue
        soft = SoftMask(inner, 20)
        for step, due in ((0, "causal"), (10, "bidirectional"), (15, "bidirectional")):
            soft.on_step_begin(None, SimpleNamespace(global_step=step), None)
            torch.testing.assert_close(read(), states[due], atol=2e-5, rtol=1e-4)
        soft.on_step_begin(None, SimpleNamespace(global_step=5), None)
        between = read()
        assert (between - states["causal"]).abs().max() > 1e-4
        assert (between - states["bidirectional"]).abs().max() > 1e-4
        soft.on_step_end(None, None, None)
        torch.testing.assert_close(read(), states["bidirectional"], atol=2e-5, rtol=1e-4)


def recipe(folder: Path, base: Path, attention: str) -> dict[str, Any]:
    rows = [{"query": f"{TEXTS[i - 3]}?", "document": text} for i, text in enumerate(TEXTS)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "pairs.jsonl").write_text(lines, encoding="utf-8")
    return {
        "stage": "contrastive",
        "output": str(folder / "whole"),
        "base": str(base),
        "reading": {"attention": attention, "pooling": "mean"},
        "data": {"root": str(folder), "sources": [{"files": ["pairs.jsonl"], "columns": ["query", "document"]}]},
        "batch_size": 4,
        "negatives": 0,
        "optim": {"steps": 8, "lr": 1e-2, "save_every": 3, "workers": 0, "precision": "fp32"},
    }  # fmt: skip


@pytest.mark.parametrize("lora", [{}, {"lora": {"rank": 4}}], ids=["whole", "lora"])
def test_a_run_is_not_that_of_both_ways(tmp_path: Path, model_folder: Folder, lora: Any) -> None:
    """Beside adapters too, where the frozen layers are not in their training mode."""
    vectors = {}
    for attention in ("soft", "bidirectional"):
        document = recipe(tmp_path, model_folder("qwen3"), attention) | lora
        (tmp_path / "r.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        train(tmp_path / "r.yaml", [f"output={tmp_path / attention}"])
        vectors[attention] = lusifer.load(tmp_path / attention / "model").encode(TEXTS[:6])
    assert np.abs(vectors["soft"] - vectors["bidirectional"]).max() > 1e-4


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, model_folder: Folder) -> None:
    document = recipe(tmp_path, model_folder("qwen3"), "soft")
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    train(tmp_path / "r.yaml")
    train(tmp_path / "r.yaml", [f"output={tmp_path / 'parts'}"])
    import shutil

    for late in ("model", "contrastive/checkpoint-6", "contrastive/checkpoint-8"):
        shutil.rmtree(tmp_path / "parts" / late, ignore_errors=True)
    train(tmp_path / "r.yaml", [f"output={tmp_path / 'parts'}"])
    whole, parts = (lusifer.load(tmp_path / name / "model").encode(TEXTS[:6]) for name in ("whole", "parts"))  # fmt: skip
    np.testing.assert_array_equal(whole, parts)
