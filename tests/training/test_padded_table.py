"""A table of words is tuned as an encoder is, keeps its format, and is told from one where a stage
wants layers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
import yaml
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

import lusifer
from lusifer.errors import ConfigError
from lusifer.models.backends.static import StaticEmbedder, load_static
from lusifer.reshaping.combine import Combining, combine
from lusifer.training import stage
from lusifer.training.padded_table import padded
from lusifer.training.run import train
from lusifer.training.teacher_vectors import teacher_vectors
from tests.conftest import TEXTS, make_table

ODD = [*TEXTS, "☃", "word " * 3000]  # no token that the table knows; one far past its length


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The halves of texts, of which one asks for the other, and a table of random rows."""
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in TEXTS]
    rows = [
        {"query": half, "document": rest, "negative": halves[i - 5][1]}
        for i, (half, rest) in enumerate(halves)
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    document: dict[str, Any] = {
        "stage": "contrastive",
        "output": str(tmp_path / "out"),
        "base": str(make_table(tmp_path)),
        "data": {
            "root": str(tmp_path),
            "sources": [{"files": ["pairs.jsonl"], "columns": ["query", "document", "negative"]}],
        },
        "loss": [{"kind": "info_nce", "temperature": 0.1, "mask": None}],
        "negatives": 1,
        "matryoshka": [8],
        "mixing": {"distinct": "pairs"},
        "batch_size": 8,
        "optim": {"steps": 120, "lr": 5e-2, "save_every": 4, "workers": 0, "precision": "fp32"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def share_found(model: lusifer.Embedder, recipe: Path) -> float:
    rows = [
        json.loads(line)
        for line in (recipe.parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    queries, documents = (
        model.encode([row[side] for row in rows]) for side in ("query", "document")
    )
    return float(((queries @ documents.T).argmax(1) == np.arange(len(rows))).mean())


def test_a_table_is_the_same_to_sentence_transformers_and_padded(tmp_path: Path) -> None:
    folder = make_table(tmp_path)
    ours, theirs = lusifer.load(folder).encode(ODD), lusifer.sentence_transformer(folder)
    known = [
        i for i, text in enumerate(ODD) if text != "☃"
    ]  # of it theirs is zeros, ours a fixed vector
    np.testing.assert_allclose(theirs.encode(ODD)[known], ours[known], atol=1e-5)
    model = padded(theirs)
    made = model(model.tokenizer(ODD, max_length=512))["sentence_embedding"].detach().numpy()
    np.testing.assert_allclose(made[known], ours[known], atol=1e-5)
    assert np.isfinite(made).all()


def test_a_tuned_table_has_learnt_and_needs_no_torch_still(recipe: Path) -> None:
    before = lusifer.load(recipe.parent / "model")
    assert share_found(before, recipe) < 0.5
    after = lusifer.load(train(recipe))
    assert isinstance(after, StaticEmbedder)
    assert after.config == before.config  # type: ignore[attr-defined]
    assert share_found(after, recipe) > 0.9
    assert share_found(lusifer.load(recipe.parent / "out" / "model", dimensions=8), recipe) > 0.9


def test_the_librarys_own_table_is_tuned_to_one(recipe: Path) -> None:
    tokenizer = Tokenizer.from_file(str(recipe.parent / "words" / "tokenizer.json"))
    torch.manual_seed(0)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)]).save(
        str(recipe.parent / "theirs")
    )
    folder = train(recipe, [f"base={recipe.parent / 'theirs'}"])
    plain = SentenceTransformer(str(folder), device="cpu")
    assert type(plain[0]) is StaticEmbedding
    assert share_found(lusifer.load(folder), recipe) > 0.9
    np.testing.assert_allclose(
        lusifer.load(folder).encode(TEXTS),
        plain.encode(TEXTS, normalize_embeddings=True),
        atol=1e-5,
    )


def test_a_stopped_run_ends_the_same(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lusifer.load(
        train(recipe, ["optim.steps=8", f"output={recipe.parent / 'whole'}"])
    ).encode(TEXTS)

    class Stop(Exception):
        pass

    class Stopper(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 6:
                raise Stop

    real = stage.run_phase
    with monkeypatch.context() as patch:
        patch.setattr(
            stage,
            "run_phase",
            lambda trainer, *more: (trainer.add_callback(Stopper()), real(trainer, *more)),
        )
        with pytest.raises(Stop):
            train(recipe, ["optim.steps=8"])
    np.testing.assert_array_equal(
        lusifer.load(train(recipe, ["optim.steps=8"])).encode(TEXTS), whole
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["lora={rank: 4}", "matryoshka=[]"], "takes no lora"),
        (["heads={}", "matryoshka=[]"], "takes no heads"),
        (["train=queries", "matryoshka=[]"], "takes no train: queries"),
        (["matryoshka_layers=1"], "takes no .*matryoshka_layers"),
    ],
)
def test_what_wants_layers_is_refused(recipe: Path, changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=f"is a table of words.* {said}"):
        train(recipe, changes)
    assert not (recipe.parent / "out" / "model").exists()


def test_gradients_cached_over_mini_batches_end_the_same(recipe: Path) -> None:
    changes = ["optim.steps=8", "matryoshka=[]"]
    whole = lusifer.load(train(recipe, [*changes, f"output={recipe.parent / 'whole'}"])).encode(
        TEXTS
    )
    parts = lusifer.load(train(recipe, [*changes, "mini_batch_tokens=64"])).encode(TEXTS)
    np.testing.assert_allclose(parts, whole, atol=1e-3)  # int8 rows


def test_merging_tables_makes_a_table(recipe: Path) -> None:
    base, tuned = recipe.parent / "model", train(recipe, ["optim.steps=8"])
    combine([base, tuned], recipe.parent / "soup", Combining("linear", (0.25, 0.75)))
    rows = [
        lusifer.sentence_transformer(folder)[0].embedding.weight.detach().numpy()
        for folder in (base, tuned, recipe.parent / "soup")
    ]
    np.testing.assert_allclose(
        rows[2], 0.25 * rows[0] + 0.75 * rows[1], atol=np.abs(rows[2]).max() / 127
    )
    assert isinstance(lusifer.load(recipe.parent / "soup"), StaticEmbedder)


def test_a_table_teaches(tmp_path: Path) -> None:
    base = make_table(tmp_path)
    found = teacher_vectors(str(base), TEXTS, tmp_path / "cache", 512)
    np.testing.assert_allclose(found, lusifer.load(base).encode(TEXTS), atol=1e-3)
    model = load_static(base)
    first = model.start([model.tokenise(TEXTS[:1])[0][:1]])
    short = teacher_vectors(str(base), TEXTS[:1], tmp_path / "cache", 1)
    np.testing.assert_allclose(short, first / np.linalg.norm(first), atol=1e-3)
