"""An export says what the model says, needs no torch, and is not written where it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Transformer,
)

import lusifer
from lusifer.errors import ConfigError, ModelError
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.four_bit import rounded
from lusifer.models.hub import weights_hash
from lusifer.reshaping import onnx_export as writer, onnx_graph as module
from lusifer.reshaping.onnx_export import own_texts
from lusifer.training.assemble import assemble
from tests.conftest import TEXTS, make_model, make_table

onnx = pytest.importorskip("onnx")
Folder = Callable[[str], Path]
PAIRS = [("eng_Latn", text) for text in TEXTS]


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_fp32_is_the_model(family: str, mode: str, model_folder: Folder, tmp_path: Path) -> None:
    module_ = Transformer(str(model_folder(family)), max_seq_length=128)
    parts = [module_, Pooling(32, pooling_mode=mode), Dense(32, 24), Normalize()]
    model = SentenceTransformer(
        modules=parts, device="cpu", prompts={"query": "find: ", "document": ""}
    )
    model.save(str(tmp_path / "model"))
    parity = lusifer.export(tmp_path / "model", tmp_path / "onnx", texts=PAIRS)
    assert parity.min_cosine > 0.99999
    assert parity.languages["eng_Latn"][0] == 16
    told = json.loads((tmp_path / "onnx" / "parity.json").read_text(encoding="utf-8"))
    assert told["hash"] == weights_hash(tmp_path / "model")
    assert set(told["versions"]) >= {"lusifer", "torch", "onnxruntime"}
    made, original = lusifer.load(tmp_path / "onnx"), lusifer.load(tmp_path / "model")
    mixed = [*TEXTS, "", " ".join(TEXTS * 20), "a"]
    for prompt in (None, "query"):
        np.testing.assert_allclose(
            made.encode(mixed, prompt=prompt), original.encode(mixed, prompt=prompt), atol=1e-5
        )
    assert (made.dim, made.max_tokens, dict(made.prompts)) == (
        24,
        128,
        {"query": "find: ", "document": ""},
    )
    long = " ".join(TEXTS * 20)
    whole = [
        lusifer.load(tmp_path / name, long="pool").encode([long])[0] for name in ("onnx", "model")
    ]
    np.testing.assert_allclose(whole[0], whole[1], atol=1e-5)


def test_int8_is_near_the_model_and_smaller(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TABLE", 100)
    fp32 = lusifer.export(model_folder("bert"), tmp_path / "fp32", texts=PAIRS)
    int8 = lusifer.export(
        model_folder("bert"), tmp_path / "int8", int8=True, min_cosine=0.9, texts=PAIRS
    )
    assert (
        0.9 < int8.mean < fp32.mean > 0.99999
    )  # how far below: a CPU with int8 units of its own rounds less
    sizes = [(tmp_path / name / "model.onnx").stat().st_size for name in ("int8", "fp32")]
    assert sizes[0] < 0.8 * sizes[1]
    found = (
        lusifer.load(tmp_path / "int8").encode(TEXTS)
        * lusifer.load(model_folder("bert")).encode(TEXTS)
    ).sum(1)
    assert abs(found.mean() - int8.mean) < 1e-4, "the table tells what a user gets"


def test_what_is_too_far_from_the_model_is_not_written(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, write = make_model(tmp_path / "seed", "bert", seed=5), writer._write
    lusifer.export(other, tmp_path / "other", min_cosine=0)
    foreign = (tmp_path / "other" / "model.onnx").read_bytes()
    monkeypatch.setattr(
        writer,
        "_write",
        lambda *a, **k: (write(*a, **k), (a[1] / "model.onnx").write_bytes(foreign)),
    )
    with pytest.raises(
        ModelError, match=r"mean cosine to it is 0\.\d+, below 0.98; nothing was written"
    ):
        lusifer.export(model_folder("bert"), tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "seed"]


def test_an_export_is_read_without_torch(model_folder: Folder, tmp_path: Path) -> None:
    lusifer.export(model_folder("bert"), tmp_path / "onnx")
    script = f"import sys, lusifer; print(lusifer.load({str(tmp_path / 'onnx')!r}).encode(['a']).shape, 'torch' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout
        == "(1, 32) False\n"
    )


def test_what_cannot_be_exported_is_told(model_folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        lusifer.export(model_folder("bert"), tmp_path / "onnx", min_cosine=2)
    with pytest.raises(ConfigError, match="no text to compare"):
        lusifer.export(model_folder("bert"), tmp_path / "onnx", texts=[])
    bridge = assemble(
        Bridge.new(
            BridgeConfig(
                Part(str(model_folder("bert"))), Part(str(model_folder("qwen3"))), max_tokens=64
            )
        ),
        "cpu",
    )
    bridge.save(str(tmp_path / "bridge"))
    with pytest.raises(ModelError, match="is no plain encoder"):
        lusifer.export(tmp_path / "bridge", tmp_path / "onnx")
    with pytest.raises(ModelError):
        lusifer.export(make_table(tmp_path / "table"), tmp_path / "onnx")


def test_nothing_but_an_export_is_written_over(model_folder: Folder, tmp_path: Path) -> None:
    for _ in range(2):  # an export may be made anew
        lusifer.export(model_folder("bert"), tmp_path / "onnx")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it", encoding="utf-8")
    for into in (tmp_path / "mine", model_folder("bert")):
        with pytest.raises(ModelError, match="which would be lost; name another folder"):
            lusifer.export(model_folder("bert"), into)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_the_texts_that_come_along_are_of_fourteen_languages() -> None:
    assert len({language for language, _ in own_texts()}) == 14


def test_a_table_in_four_bits_is_the_rounded_model(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TABLE", 100)
    model = lusifer.sentence_transformer(model_folder("bert"))
    table = model[0].auto_model.get_input_embeddings()
    with torch.no_grad():
        table.weight.copy_(rounded(table.weight))
    model.save(str(tmp_path / "rounded"), create_model_card=False)
    eight = lusifer.export(
        tmp_path / "rounded", tmp_path / "eight", int8=True, min_cosine=0.9, texts=PAIRS
    )
    four = lusifer.export(
        tmp_path / "rounded",
        tmp_path / "four",
        int8=True,
        table_bits=4,
        min_cosine=0.9,
        texts=PAIRS,
    )
    assert abs(four.mean - eight.mean) < 1e-3, (
        "what was rounded in training loses no more to four bits than to eight"
    )
    graph = onnx.load(str(tmp_path / "four" / "model.onnx")).graph
    kinds = {(tensor.data_type, tuple(tensor.dims)) for tensor in graph.initializer}
    assert (onnx.TensorProto.UINT8, (170, 16)) in kinds
    assert (onnx.TensorProto.FLOAT16, (170, 1)) in kinds
    for wrong in ({"table_bits": 4}, {"table_bits": 3, "int8": True}):
        with pytest.raises(ConfigError, match=r"int8 too|must be 4 or 8"):
            lusifer.export(tmp_path / "rounded", tmp_path / "wrong", **wrong)  # type: ignore[arg-type]


def test_a_split_export_is_the_same_model_in_two_files(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lusifer.reshaping.onnx_export.SPLIT_FROM", 1000)
    for int8 in (False, True):
        whole, parts = tmp_path / f"whole-{int8}", tmp_path / f"parts-{int8}"
        lusifer.export(model_folder("bert"), whole, int8=int8, min_cosine=0.9, texts=PAIRS)
        lusifer.export(
            model_folder("bert"), parts, int8=int8, split=True, min_cosine=0.9, texts=PAIRS
        )
        assert (parts / "model.onnx_data").stat().st_size > (
            parts / "model.onnx"
        ).stat().st_size / 4
        assert (parts / "model.onnx").stat().st_size < (whole / "model.onnx").stat().st_size
        np.testing.assert_array_equal(
            lusifer.load(parts).encode(TEXTS), lusifer.load(whole).encode(TEXTS)
        )
