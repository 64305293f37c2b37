"""Matrix products in int8: near the fp32 graph, the same for a text whatever stands beside it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.reshaping.int8 import Feed, quantise
from lusifer.reshaping.onnx_graph import INPUTS, ExportGraph, trace
from tests.conftest import TEXTS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
Folder = Callable[[str], Path]
PAIRS = [("eng_Latn", text) for text in TEXTS]


@pytest.mark.parametrize("family", ["xlm-roberta", "modernbert"])
def test_an_int8_vector_depends_on_its_text_alone(
    family: str, model_folder: Folder, tmp_path: Path
) -> None:
    lusifer.export(model_folder(family), tmp_path / "int8", int8=True, min_cosine=0.9, texts=PAIRS)
    model = lusifer.load(tmp_path / "int8")
    alone = np.concatenate([model.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(model.encode(TEXTS), alone, atol=1e-5)


def run(file: Path, feeds: list[Feed]) -> Any:
    """The graph's vectors, a text at a time."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, feed)[0] for feed in feeds])


@pytest.fixture(scope="module")
def graphs(
    model_folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, list[Feed]]:
    """An fp32 graph, the same in int8, and what both are fed with."""
    folder = tmp_path_factory.mktemp("graphs")
    model = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    texts = [*TEXTS, "駅はどこですか。", "أين السوق؟"]
    feeds = [{n: model.preprocess([text])[n].numpy() for n in INPUTS} for text in texts]
    trace(ExportGraph(model).eval(), folder / "fp32.onnx", fold=True)
    quantise(folder / "fp32.onnx", folder / "int8.onnx", feeds[:8])
    return folder / "fp32.onnx", folder / "int8.onnx", feeds


def test_the_graph_is_near_the_one_it_was_made_of(graphs: tuple[Path, Path, list[Feed]]) -> None:
    fp32, int8, feeds = graphs
    cosines = (run(fp32, feeds) * run(int8, feeds)).sum(1)
    assert 0.9 < cosines.min() < cosines.mean() < 1
    width = max(feed["input_ids"].shape[1] for feed in feeds) + 3
    batch = {
        name: np.concatenate(
            [np.pad(feed[name], ((0, 0), (0, width - feed[name].shape[1]))) for feed in feeds]
        )
        for name in INPUTS
    }
    np.testing.assert_allclose(run(int8, [batch]), run(int8, feeds), atol=1e-5)


def test_weights_of_products_are_in_eight_bits_and_narrowing_ones_are_multiplied_in_fp32(
    graphs: tuple[Path, Path, list[Feed]],
) -> None:
    fp32, int8, _ = graphs
    sizes = []
    for file in (fp32, int8):
        graph = onnx.load(str(file)).graph
        weights = [t for t in graph.initializer if len(t.dims) == 2 and 48 in t.dims]
        kinds = {(tuple(t.dims), t.data_type) for t in weights}
        sizes.append(file.stat().st_size)
    assert {kind for _, kind in kinds} == {onnx.TensorProto.INT8}
    assert {dims for dims, _ in kinds} == {(32, 48), (48, 32)}
    assert sizes[1] < sizes[0]
    made_by = {name: node for node in graph.node for name in node.output}
    restored = [n for n in graph.node if n.op_type == "MatMul" and n.input[1].endswith("_restored")]
    assert len(restored) == 2, "the second product of each layer's feed-forward"
    for node in restored:
        assert made_by[node.input[0]].op_type != "DequantizeLinear"


def test_the_root_logger_is_left_as_it_was(
    graphs: tuple[Path, Path, list[Feed]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fp32 = Path(shutil.copy(graphs[0], tmp_path))
    with caplog.at_level(logging.INFO):
        quantise(fp32, tmp_path / "again.onnx", graphs[2][:8])
        assert logging.getLogger().level == logging.INFO
    assert not caplog.records
    assert (tmp_path / "again.onnx").read_bytes() == graphs[1].read_bytes(), "twice the same"
