"""An ONNX folder, from a graph made by hand: each token's state is its row of a table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

import lusifer
from lusifer.errors import ModelError
from tests.conftest import TEXTS, make_tokenizer

onnx = pytest.importorskip("onnx")
DIM = 12


def make_graph(file: Path, table: np.ndarray, *, named: str = "input_ids") -> None:
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("Gather", ["table", named], ["last_hidden_state"])
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"])
        for name in (named, "attention_mask")
    ]
    out = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["n", "length", DIM]
    )
    graph = helper.make_graph([node], "rows", ids, [out], [numpy_helper.from_array(table, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, np.ndarray]:
    make_tokenizer(tmp_path / "model")
    table = np.random.default_rng(0).normal(size=(170, DIM)).astype(np.float32)
    make_graph(tmp_path / "model" / "onnx" / "model.onnx", table)
    return tmp_path / "model", table


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
def test_states_are_pooled_as_declared(
    folder: tuple[Path, np.ndarray], pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, table = folder
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": pooling}))
    model = lusifer.load(path)
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    for text, vector in zip(TEXTS, model.encode(TEXTS), strict=True):
        rows = table[tokenizer.encode(text).ids]
        expected = {"mean": rows.mean(0), "cls": rows[0], "lasttoken": rows[-1]}[pooling]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)
    together = model.encode(TEXTS)
    monkeypatch.setattr(model.runner, "budget", 24)  # type: ignore[attr-defined]
    np.testing.assert_allclose(model.encode(TEXTS[::-1])[::-1], together, atol=1e-6)
    assert (model.dim, model.encode([]).shape) == (DIM, (0, DIM))


def test_prompts_are_applied(folder: tuple[Path, np.ndarray]) -> None:
    path, _ = folder
    settings = {
        "prompts": {"query": "who: ", "document": "the: "},
        "default_prompt_name": "document",
    }
    (path / "config_sentence_transformers.json").write_text(json.dumps(settings))
    model = lusifer.load(path)
    bare = json.dumps({"prompts": {}})
    query, document = model.encode(["sea"], prompt="query"), model.encode(["sea"])
    (path / "config_sentence_transformers.json").write_text(bare)
    plain = lusifer.load(path)
    np.testing.assert_allclose(query, plain.encode(["who: sea"]), atol=1e-6)
    np.testing.assert_allclose(document, plain.encode(["the: sea"]), atol=1e-6)


def test_damage_is_told(folder: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    path, table = folder
    file = path / "onnx" / "model.onnx"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    with pytest.raises(ModelError, match="cut short"):
        lusifer.load(path)
    make_graph(file, table, named="tokens")
    with pytest.raises(ModelError, match="asks for tokens"):
        lusifer.load(path)
    make_graph(file, np.full_like(table, np.nan))
    with pytest.raises(ModelError, match="NaN"):
        lusifer.load(path).encode(["sea"])
    file.write_bytes(whole)
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "max"}))
    with pytest.raises(ModelError, match="pooling is 'max'"):
        lusifer.load(path)
    shutil.rmtree(path / "1_Pooling")
    (path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        lusifer.load(path)
