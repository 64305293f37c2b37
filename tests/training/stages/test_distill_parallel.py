"""The student gives the teacher's vectors for the teacher's texts and for their translations, and
loads anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages.distill_parallel import MultilingualLoss, read_pairs, student
from tests.conftest import TEXTS, make_table

Folder = Callable[[str], Path]


def foreign(text: str) -> str:
    """Another language: every word turned round."""
    return " ".join(word[::-1] for word in text.lower().split())


@pytest.fixture
def recipe(tmp_path: Path, model_folder: Folder) -> Path:
    rows = [{"english": text, "text": foreign(text)} for text in TEXTS]
    (tmp_path / "parallel.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    document: dict[str, Any] = {
        "stage": "distill", "method": "parallel", "output": str(tmp_path / "out"), "base": str(model_folder("modernbert")), "teacher": str(model_folder("bert")),
        "data": {"root": str(tmp_path), "sources": [{"files": ["parallel.jsonl"], "columns": ["english", "text"]}]},
        "batch_size": 8, "ranking": 0.5, "optim": {"steps": 200, "lr": 4e-3, "save_every": 100, "workers": 0, "precision": "fp32"},
    }  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def test_both_sides_come_to_the_teacher_s_vectors(recipe: Path, model_folder: Folder) -> None:
    folder = train(recipe)
    teacher, plain = (
        SentenceTransformer(str(model_folder("bert")), device="cpu"),
        SentenceTransformer(str(folder), device="cpu"),
    )
    target = teacher.encode(TEXTS, normalize_embeddings=True)
    for texts in (TEXTS, [foreign(text) for text in TEXTS]):
        vectors = plain.encode(texts)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert (vectors * target).sum(1).mean() > 0.85
        assert ((vectors @ target.T).argmax(1) == np.arange(16)).mean() > 0.9
        np.testing.assert_allclose(vectors, lusifer.load(folder).encode(texts), atol=1e-5)


def test_the_loss_is_the_mean_square_and_the_ranking(recipe: Path) -> None:
    parsed = load_recipe(recipe)
    model = student(parsed).eval()
    loss = MultilingualLoss(model, parsed)
    features = [model.preprocess(texts) for texts in (TEXTS[:4], [foreign(t) for t in TEXTS[:4]])]
    labels = torch.nn.functional.normalize(
        torch.randn(4, 32, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    labels[3] = labels[0]  # one English sentence, two translations: no negatives of each other
    found = loss([dict(f) for f in features], labels)
    a, b = (
        torch.nn.functional.normalize(model(dict(f))["sentence_embedding"], dim=-1)
        for f in features
    )
    mse = 32 * (((a - labels) ** 2).mean() + ((b - labels) ** 2).mean()) / 2
    scores = b @ labels.T / 0.05
    scores[0, 3] = scores[3, 0] = float("-inf")
    torch.testing.assert_close(
        found, mse + 0.5 * torch.nn.functional.cross_entropy(scores, torch.arange(4))
    )


def test_a_teacher_of_another_size_is_one_line_or_a_dense_layer(
    recipe: Path, model_folder: Folder, tmp_path: Path
) -> None:
    wide = tmp_path / "wide"
    base = SentenceTransformer(str(model_folder("bert")), device="cpu")
    from sentence_transformers.sentence_transformer.modules import Dense

    SentenceTransformer(modules=[*base, Dense(32, 48)], device="cpu").save(str(wide))
    with pytest.raises(ConfigError, match="48 numbers, the student's 32; set project=true"):
        train(recipe, [f"teacher={wide}"])
    with pytest.raises(ConfigError, match="a table of words"):
        train(
            recipe, [f"base={make_table(tmp_path)}", "project=true", f"output={tmp_path / 'table'}"]
        )
    folder = train(
        recipe,
        [f"teacher={wide}", "project=true", "optim.steps=2", f"output={tmp_path / 'projected'}"],
    )
    assert SentenceTransformer(str(folder), device="cpu").encode(TEXTS).shape == (16, 48)


def test_english_alone_is_its_own_translation_and_a_layer_may_be_had_where_none_is_due(
    recipe: Path, model_folder: Folder
) -> None:
    (recipe.parent / "english.txt").write_text("\n".join(TEXTS[:3]) + "\n", encoding="utf-8")
    changes = [
        "data.sources=[{files: [english.txt], rename: {text: english}}]",
        "batch_size=2",
        "optim.steps=2",
        "project=true",
    ]
    parsed = load_recipe(recipe, changes)
    assert read_pairs(parsed, recipe.parent) == [(text, text) for text in TEXTS[:3]]
    folder = train(recipe, changes)
    assert [type(module).__name__ for module in SentenceTransformer(str(folder), device="cpu")][
        -2:
    ] == ["Dense", "Normalize"]


def test_dry_run_and_wrong_settings(recipe: Path) -> None:
    assert plan(recipe)["rows"] == {"pairs": 16, "English texts": 16}
    with pytest.raises(ConfigError, match="temperature above 0"):
        train(recipe, ["temperature=0"])
    with pytest.raises(ConfigError, match="needs a column 'english'"):
        train(recipe, ["data.sources=[{files: [parallel.jsonl], columns: [text]}]"])
