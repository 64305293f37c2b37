"""The compact retriever's stage: what it makes loads anywhere, learns what it is shown, and refuses wrong recipes in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError
from lusifer.train import retriever
from lusifer.train.run import load_recipe, train
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def recipe(tmp_path: Path, model_folder: Folder) -> Path:
    """Questions that have nothing to do with their passages."""
    rows = [{"query": f"{TEXTS[i - 3]}?", "document": text, "negative": TEXTS[i - 5] + "."} for i, text in enumerate(TEXTS)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    document: dict[str, Any] = {
        "stage": "retriever",
        "output": str(tmp_path / "out"),
        "base": str(model_folder("bert")),
        "data": {"root": str(tmp_path), "sources": [{"files": ["pairs.jsonl"], "columns": ["query", "document", "negative"]}]},
        "prompts": {"query": "Q: ", "document": "D: "},
        "contrast": {"temperature": 0.1, "mask": None},  # an untrained model: what scores high is no false negative
        "matryoshka": [16],
        "batch_size": 8,
        "optim": {"steps": 200, "lr": 5e-3, "save_every": 100, "workers": 0, "precision": "fp32"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def test_it_finds_what_it_was_shown_at_every_size_and_loads_anywhere(recipe: Path) -> None:
    folder = train(recipe)
    ours, theirs = lusifer.load(folder), SentenceTransformer(str(folder), device="cpu")
    assert theirs.prompts == {"query": "Q: ", "document": "D: "}
    rows = [json.loads(line) for line in (recipe.parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    queries = ours.encode([r["query"] for r in rows], prompt="query")
    passages = ours.encode([r["document"] for r in rows], prompt="document")
    np.testing.assert_allclose(queries, theirs.encode_query([r["query"] for r in rows], normalize_embeddings=True), atol=1e-5)
    for size in (ours.dim, 16):
        x, y = (v[:, :size] / np.linalg.norm(v[:, :size], axis=1, keepdims=True) for v in (queries, passages))
        assert ((x @ y.T).argmax(1) == np.arange(len(x))).mean() > 0.9


def test_matryoshka_is_on_and_off_as_the_recipe_says(recipe: Path) -> None:
    _, parsed = load_recipe(recipe)
    loss = retriever.make_loss(parsed, lusifer.sentence_transformer(parsed.base))
    assert list(loss.matryoshka_dims) == [32, 16]
    _, plain = load_recipe(recipe, ["matryoshka=[]"])
    assert isinstance(retriever.make_loss(plain, lusifer.sentence_transformer(plain.base)), retriever.ContrastiveLoss)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["contrast.temperature=0"], "temperature must be above 0"),
        (["prompts={passage: x}"], "prompts are for query and document, not passage"),
        (["batch_size=17"], "source 0 holds 16 rows, fewer than a batch of 17"),
        (["matryoshka=[64]"], "matryoshka names 64; sizes are from 1 to below the model's 32"),
        (["mixing.homogeneous=3"], "mixing.homogeneous is a share"),
        (["mini_batch_tokens=0"], "mini_batch_tokens must be at least 1"),
        (["negatives=-1"], "negatives must be 0 or more"),
    ],
)
def test_a_wrong_recipe_is_one_line(recipe: Path, changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        train(recipe, changes)


def test_what_is_no_pair_is_left_out_and_counted(recipe: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = recipe.parent / "pairs.jsonl"
    bad = [{"query": "same", "document": "same", "negative": "n"}, {"query": "q", "document": "d", "negative": "d"}]
    file.write_text(file.read_text(encoding="utf-8") + "".join(json.dumps(row) + "\n" for row in bad), encoding="utf-8")
    _, parsed = load_recipe(recipe)
    (rows,) = retriever.read(parsed, recipe.parent)
    assert len(rows) == len(TEXTS)
    assert "2 of 18 rows are left out" in caplog.text
