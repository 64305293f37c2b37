"""Sparse and multi-vector heads: their scores are the definition's, they learn with the dense one,
and the folder stays standard.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError, ModelError
from lusifer.models.heads import HybridEmbedder, multi_scores, sparse_scores
from lusifer.training.losses.hybrid import HybridLoss
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.run import train
from lusifer.training.stages import contrastive
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def model(model_folder: Folder) -> SentenceTransformer:
    torch.manual_seed(0)
    made = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    contrastive.add_heads(made, 8)
    return made


def made_of(model: SentenceTransformer, texts: list[str]) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        return model(model.preprocess(texts))


def test_the_loss_is_m3_s(model: SentenceTransformer) -> None:
    columns = [
        TEXTS[:5],
        TEXTS[5:10],
        [*TEXTS[10:14], TEXTS[5]],
    ]  # the last negative is the first row's document
    model.eval()
    features = [model.preprocess(texts) for texts in columns]
    loss = HybridLoss(model, InfoNCE(temperature=0.1, mask=None))([dict(f) for f in features])
    made = [model(dict(f)) for f in features]
    vectors = [F.normalize(m["sentence_embedding"], dim=-1) for m in made]
    parts = {
        "dense": torch.cat([vectors[0] @ v.T for v in vectors[1:]], 1),
        "sparse": torch.cat([sparse_scores(made[0], m) for m in made[1:]], 1),
        "multi": torch.cat([multi_scores(made[0], m) for m in made[1:]], 1),
    }
    for scores in parts.values():
        scores[0, 9] = -1e4
    place = torch.arange(5)
    total = {k: v / 0.1 for k, v in parts.items()}
    ensemble = total["dense"] + 0.3 * total["sparse"] + total["multi"]
    ce = {k: F.cross_entropy(v, place) for k, v in total.items()}
    first = (ce["dense"] + 0.1 * ce["sparse"] + ce["multi"] + F.cross_entropy(ensemble, place)) / 4
    teacher = ensemble.softmax(1)
    kd = {k: -(teacher * v.log_softmax(1)).sum(1).mean() for k, v in total.items()}
    second = (kd["dense"] + 0.1 * kd["sparse"] + kd["multi"]) / 3
    torch.testing.assert_close(loss, (first + second) / 2)
    torch.testing.assert_close(
        HybridLoss(model, InfoNCE(temperature=0.1, mask=None), distill=False)(
            [dict(f) for f in features]
        ),
        first,
    )


@pytest.mark.parametrize("mask", [-0.2, -0.05, 0.0, 0.01, 2.0])
def test_what_scores_above_the_positive_is_no_negative(
    model: SentenceTransformer, mask: float
) -> None:
    """Masking is the same as a loss over the scores that are left."""
    columns = [TEXTS[:5], TEXTS[5:10], TEXTS[10:15]]
    model.eval()
    features = [model.preprocess(texts) for texts in columns]
    settings = InfoNCE(temperature=0.1, mask=mask)
    loss = HybridLoss(model, settings, distill=False)([dict(f) for f in features])
    made = [model(dict(f)) for f in features]
    vectors = [F.normalize(m["sentence_embedding"], dim=-1) for m in made]
    dense = torch.cat([vectors[0] @ v.T for v in vectors[1:]], 1)
    parts = {
        "dense": dense,
        "sparse": torch.cat([sparse_scores(made[0], m) for m in made[1:]], 1),
        "multi": torch.cat([multi_scores(made[0], m) for m in made[1:]], 1),
    }
    parts["sum"] = parts["dense"] + 0.3 * parts["sparse"] + parts["multi"]
    expected = 0.0
    for name, weight in (("dense", 1), ("sparse", 0.1), ("multi", 1), ("sum", 1)):
        for row in range(5):
            left = [k for k in range(10) if dense[row, k] <= dense[row, row] + mask or k == row]
            scores = parts[name][row, left] / 0.1
            target = torch.tensor(left.index(row))
            expected += weight * F.cross_entropy(scores, target).item() / 5 / 4
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.fixture
def recipe(tmp_path: Path, model_folder: Folder) -> Path:
    rows = [
        {"query": f"{TEXTS[i - 3]}?", "document": text, "negative": TEXTS[i - 5] + "."}
        for i, text in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    document = {
        "stage": "contrastive", "output": str(tmp_path / "out"), "base": str(model_folder("bert")), "batch_size": 8, "heads": {"dim": 8},
        "data": {"root": str(tmp_path), "sources": [{"files": ["pairs.jsonl"], "columns": ["query", "document", "negative"]}]},
        "loss": [{"kind": "info_nce", "temperature": 0.1}], "prompts": {"query": "Q: "},
        "optim": {"steps": 120, "lr": 5e-3, "save_every": 60, "workers": 0, "precision": "fp32"},
    }  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def test_all_three_learn_and_the_folder_loads_anywhere(recipe: Path) -> None:
    folder = train(recipe)
    model = lusifer.load(folder)
    assert isinstance(model, HybridEmbedder)
    queries = [f"{TEXTS[i - 3]}?" for i in range(16)]
    words = model.encode_sparse(queries, prompt="query"), model.encode_sparse(TEXTS)
    multi = model.encode_multi(queries, prompt="query"), model.encode_multi(TEXTS)
    sparse = np.array(
        [[sum(w * d.get(k, 0) for k, w in q.items()) for d in words[1]] for q in words[0]]
    )
    late = np.array([[(q @ d.T).max(1).mean() for d in multi[1]] for q in multi[0]])
    dense = model.encode(queries, prompt="query") @ model.encode(TEXTS).T
    np.testing.assert_allclose(model.score(queries, TEXTS), dense + 0.3 * sparse + late, atol=1e-4)
    for scores, least in ((dense, 0.8), (late, 0.8), (model.score(queries, TEXTS), 0.8)):
        assert (scores.argmax(1) == np.arange(16)).mean() > least
    plain = SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(
        plain.encode(TEXTS, normalize_embeddings=True), model.encode(TEXTS), atol=1e-5
    )
    (folder / "heads.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match=r"heads\.safetensors: damaged"):
        lusifer.load(folder)


@pytest.mark.parametrize(
    "change",
    ["matryoshka=[16]", "loss=[{kind: scores}]", "loss=[{kind: info_nce}, {kind: scores}]"],
)
def test_what_does_not_go_together_is_one_line(recipe: Path, change: str) -> None:
    with pytest.raises(ConfigError, match="heads go with the term info_nce alone"):
        train(recipe, [change])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("loss=[{kind: info_nce, margin: 0.3}]", "heads go without margin"),
        (
            "loss=[{kind: info_nce, directions: [query_to_doc, doc_to_doc]}]",
            "heads go without directions",
        ),
        (
            "loss=[{kind: info_nce, partition: per_direction}]",
            "heads go without partition",
        ),
    ],
)
def test_a_setting_that_would_change_nothing_is_refused(
    recipe: Path, change: str, named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        train(recipe, [change])
