"""What changes a vector changes a model's identity; what changes none does not. What knows a model
by its weights still accepts it.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

import lusifer
from lusifer.errors import LusiferError
from lusifer.evaluation.run import claim
from lusifer.models.hub import weights_hash
from lusifer.models.identity import identity
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def saved(model_folder: Folder, tmp_path: Path) -> Path:
    """A sentence-transformers folder with mean pooling and a prompt."""
    first = Transformer(str(model_folder("bert")), max_seq_length=32)
    SentenceTransformer(
        modules=[first, Pooling(first.get_embedding_dimension(), "mean")], prompts={"query": "q: "}
    ).save(str(tmp_path / "model"))
    return tmp_path / "model"


def changed(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(file.read_text(encoding="utf-8"))
    change(value)
    file.write_text(json.dumps(value), encoding="utf-8")


CHANGES: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "pooling": (
        "1_Pooling/config.json",
        lambda v: v.update(
            pooling_mode="cls", pooling_mode_cls_token=True, pooling_mode_mean_tokens=False
        ),
    ),
    "prompts": (
        "config_sentence_transformers.json",
        lambda v: v.update(prompts={"query": "question: "}),
    ),
    "default prompt": (
        "config_sentence_transformers.json",
        lambda v: v.update(default_prompt_name="query"),
    ),
    "length": ("sentence_bert_config.json", lambda v: v.update(max_seq_length=16)),
    "tokenizer": ("tokenizer.json", lambda v: v.update(normalizer={"type": "Lowercase"})),
    "configuration": ("config.json", lambda v: v.update(hidden_act="relu")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_a_vector_changes_the_identity(what: str, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(saved, other)
    assert identity(other) == identity(saved)
    changed(other / CHANGES[what][0], CHANGES[what][1])
    assert identity(other) != identity(saved)
    assert weights_hash(other) == weights_hash(saved), "weights alone did not tell"


def test_what_changes_no_vector_does_not(saved: Path) -> None:
    before = identity(saved)
    changed(
        saved / "config.json",
        lambda v: v.update(transformers_version="0", _name_or_path="elsewhere"),
    )
    (saved / "README.md").write_text("another card", encoding="utf-8")
    text = (saved / "tokenizer.json").read_text(encoding="utf-8")
    (saved / "tokenizer.json").write_text(json.dumps(json.loads(text), indent=4), encoding="utf-8")
    assert identity(saved) == before


def test_weights_beside_an_onnx_graph_count_whatever_they_are_called(
    model_folder: Folder, tmp_path: Path
) -> None:
    lusifer.export(
        model_folder("bert"),
        tmp_path / "onnx",
        min_cosine=0,
        texts=[("eng_Latn", text) for text in TEXTS],
    )
    before = identity(tmp_path / "onnx")
    for name in ("model.onnx_data", "weights.bin"):
        (tmp_path / "onnx" / name).write_bytes(b"1")
        first = identity(tmp_path / "onnx")
        (tmp_path / "onnx" / name).write_bytes(b"2")
        assert len({before, first, identity(tmp_path / "onnx")}) == 3
        (tmp_path / "onnx" / name).unlink()


def test_an_index_refuses_the_same_weights_with_another_pooling_and_accepts_what_knew_weights_alone(
    saved: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")
    index = lusifer.Index.create(tmp_path / "index", saved)
    index.update([tmp_path / "texts"])
    other = tmp_path / "other"
    shutil.copytree(saved, other)
    changed(other / CHANGES["pooling"][0], CHANGES["pooling"][1])
    with pytest.raises(LusiferError, match="made by the model"):
        lusifer.Index.open(tmp_path / "index", other)
    model = LoadedModel.load(saved)
    assert model.is_that(weights_hash(saved))
    assert model.is_that(identity(saved))
    assert not LoadedModel.load(other).is_that(identity(saved))


def test_an_index_and_a_bulk_run_made_when_models_were_known_by_weights_go_on(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    with monkeypatch.context() as then:
        loading = importlib.import_module("lusifer.models.load")
        then.setattr(loading, "identity", lambda folder, weights: weights)
        lusifer.Index.create(tmp_path / "index", saved).update([tmp_path / "texts"])
        lusifer.encode(
            str(tmp_path / "texts" / "a.txt"), tmp_path / "vectors", model=saved, shard_rows=4
        )
    (tmp_path / "vectors" / "manifest.json").unlink()
    assert lusifer.Index.open(tmp_path / "index", saved).search(TEXTS[0], top_k=1)
    lusifer.encode(
        str(tmp_path / "texts" / "a.txt"), tmp_path / "vectors", model=saved, shard_rows=4
    )
    assert (tmp_path / "vectors" / "manifest.json").exists()


@pytest.mark.parametrize("what", CHANGES)
def test_a_folder_that_was_changed_shares_neither_results_nor_shards_nor_an_index(
    what: str, saved: Path, tmp_path: Path
) -> None:
    """Its name and its weights are what they were."""
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    lusifer.encode(str(tmp_path / "a.txt"), tmp_path / "vectors", model=saved)
    lusifer.Index.create(tmp_path / "index", saved).update([tmp_path / "a.txt"])
    results = claim(tmp_path / "results", LoadedModel.load(saved), {})
    file, change = CHANGES[what]
    changed(saved / file, change)
    with pytest.raises(LusiferError, match=r"vectors.*(another|other)"):
        lusifer.encode(str(tmp_path / "a.txt"), tmp_path / "vectors", model=saved)
    with pytest.raises(LusiferError, match="as it was before"):
        lusifer.Index.open(tmp_path / "index")
    assert claim(tmp_path / "results", LoadedModel.load(saved), {}) != results
