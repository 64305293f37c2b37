"""The rerank stage: what it makes is a CrossEncoder that sorts what it was shown, by labels or by a
teacher's scores, whole or by adapters.
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
from sentence_transformers import CrossEncoder

from lusifer.errors import ConfigError, LusiferError, ModelError
from lusifer.models import load_reranker
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages.rerank import make_batches, ranking_loss, read
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture(params=["bert", "xlm-roberta", "modernbert"])
def file(request: pytest.FixtureRequest, tmp_path: Path, model_folder: Folder) -> Path:
    """A recipe whose questions begin with the first words of their passage; its negatives are others."""
    rows = [
        {
            "query": " ".join(text.split()[:4]),
            "document": text,
            "negative": TEXTS[i - 5],
            "negative_2": TEXTS[i - 9],
            "scores": "3 0.5 -1",
        }
        for i, text in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    columns = ["query", "document", "negative", "negative_2"]
    document: dict[str, Any] = {
        "stage": "rerank",
        "output": str(tmp_path / "out"),
        "base": str(model_folder(request.param)),
        "data": {
            "root": str(tmp_path),
            "max_tokens": 48,
            "sources": [{"files": ["pairs.jsonl"], "columns": columns}],
        },
        "negatives": 2,
        "batch_size": 8,
        "optim": {"steps": 140, "lr": 2e-3, "save_every": 140, "workers": 0, "precision": "fp32"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), "utf-8")
    return tmp_path / "recipe.yaml"


def right(folder: Path) -> float:
    """The share of the fixture's questions whose own passage is scored above both others."""
    score = load_reranker(str(folder))
    found = []
    for i, text in enumerate(TEXTS):
        query = " ".join(text.split()[:4])
        scores = score([(query, text), (query, TEXTS[i - 5]), (query, TEXTS[i - 9])])
        found.append(scores[0] > max(scores[1:]))
    return float(np.mean(found))


SCORED = "data.sources.0.columns=[query, document, negative, negative_2, scores]"


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["loss=binary"],
        ["loss=teacher", SCORED],
        ["lora={rank: 16, alpha: 64, dropout: 0}", "optim.lr=4e-3", "optim.steps=240"],
    ],
    ids=["softmax", "binary", "teacher", "lora"],
)
def test_it_learns_to_sort_and_loads_as_a_cross_encoder(file: Path, changes: list[str]) -> None:
    folder = train(file, changes)
    assert right(folder) >= 0.7  # a third by chance
    plain = CrossEncoder(str(folder), device="cpu")
    assert plain.num_labels == 1
    assert not any("lora_" in name for name, _ in plain.named_parameters())
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[2], TEXTS[2])]
    alone = [plain.predict([pair])[0] for pair in pairs]
    np.testing.assert_allclose(load_reranker(str(folder))(pairs), alone, atol=1e-5)


def test_a_batch_holds_each_row_s_candidates_the_right_one_first(file: Path) -> None:
    from lusifer.models import cross_encoder

    recipe = load_recipe(file)
    stores = read(recipe, file.parent / "stores")
    cross = cross_encoder(recipe.base, seed=0)
    batches = make_batches(recipe, cross, stores, [np.arange(16)])
    batch = batches(3)
    assert batch["input_ids"].shape[:2] == (8, 3)
    for (query, document, negatives), ids in zip(batches.rows(3), batch["input_ids"], strict=True):
        for text, row in zip((document, *negatives), ids, strict=True):
            own = cross.tokenizer(query, text)["input_ids"]
            assert row.tolist()[: len(own)] == own
    assert all(torch.equal(batch[k], batches(3)[k]) for k in batch)


def test_losses_are_what_they_say() -> None:
    scores = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    due = -(scores - scores.logsumexp(1, keepdim=True))[:, 0].mean()
    torch.testing.assert_close(ranking_loss(scores, "softmax", None), due)
    teacher = scores * 2 + 3  # the same but for scale and shift
    assert ranking_loss(scores, "teacher", teacher, 2.0).item() == pytest.approx(0, abs=1e-6)
    assert ranking_loss(scores, "teacher", teacher, 1.0).item() > 0.01
    sure = torch.tensor([[20.0, -20.0]])
    assert ranking_loss(sure, "binary", None).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["negatives=0"], "a reranker learns to tell a passage from others"),
        (["temperature=0"], "temperature must be above 0"),
        (["data.sources.0.columns=[query, document, _, _]"], "has no column `negative`"),
        (["loss=teacher"], "needs a column 'scores'"),
        (["loss=hinge"], "softmax"),
        (["base=nowhere/nothing"], "no such folder, and the hub"),
        (["batch_size=17"], "holds 16 rows, fewer than a batch of 17"),
    ],
)
def test_a_wrong_recipe_is_one_line(file: Path, changes: list[str], said: str) -> None:
    with pytest.raises(LusiferError, match=said) as told:
        train(file, changes)
    assert "\n" not in str(told.value)
    assert isinstance(told.value, ConfigError | ModelError)


def test_a_dry_run_counts_and_trains_nothing(file: Path) -> None:
    figures = plan(file)
    assert figures["rows"] == {"pairs.jsonl": 16}
    assert figures["parameters"]["trained"] == figures["parameters"]["total"]
    few = plan(file, ["lora={rank: 2}"])["parameters"]
    assert 0 < few["trained"] < few["total"] / 2
    assert not (file.parent / "out").exists()


def test_a_base_that_is_no_model_leaves_no_folder(file: Path) -> None:
    with pytest.raises(ModelError):
        train(file, [f"base={file}"])
    assert not (file.parent / "out").exists()
