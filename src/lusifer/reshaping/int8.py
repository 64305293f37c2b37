"""An ONNX encoder's matrix products in int8, the same for a text whatever stands beside it.

Method: SmoothQuant (Xiao et al., arXiv 2211.10438): some numbers of a token's state are ten times
the others, so each is divided, and its row of the weights multiplied, by what evens both out
(power .5); then onnxruntime's static quantisation, ranges of the activations from texts that are
read once, a scale a column. Ranges are fixed, where dynamic quantisation takes them from the batch:
so a vector depends on its text alone. Weights are of seven bits: a processor without int8 units adds
two products up in 16 bits, which eight overflow in silence. Products that narrow (a feed-forward's
second) are computed in fp32, since what enters them has outliers that no scale evens out; their
weights alone are kept in int8.

Figures: a six-layer student, 1,024 texts of Tatoeba on a processor with AVX2 alone: mean and least
cosine to fp32 .998 and .994 (dynamic in eight bits .981 and .913, in seven .992 and .972), 1.4 times
the speed of fp32. Cost: two passes over the texts, and the model twice in memory. Not for a GPU.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lusifer.models import quantise_rows

Feed = dict[str, npt.NDArray[np.int64]]
POWER = 0.5  # of an input's largest number, against its weights'
SMALLEST = 1e-5  # an input or a weight that is never larger is not told from 0


def quantise(file: Path, into: Path, feeds: Sequence[Feed]) -> None:
    """Write a graph's products by weights in int8.

    Args:
        file: an fp32 graph.
        into: the file to write.
        feeds: what the graph is fed with, a text each: `input_ids` and `attention_mask`, (1,
            length).
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Calibration(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(feeds)

        def get_next(self) -> Feed | None:
            return next(self.left, None)

    plain = file.with_name("plain.onnx")
    # This folds what the trace left, transposed weights above all.
    quant_pre_process(str(file), str(plain), skip_symbolic_shape=True)
    model = onnx.load(str(plain))
    products = list(_products(model.graph))
    wide = [node for node in products if not _narrows(node, model.graph)]
    narrow = {node.name for node in products} - {node.name for node in wide}
    wanted = [node.name for node in wide]
    _smooth(model, wide, _peaks(model, wide, feeds))
    onnx.save(model, str(plain))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises, on the root logger, what was just done
    try:
        quantize_static(
            str(plain),
            str(into),
            Calibration(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=wanted,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul"]},
        )
    finally:
        root.setLevel(level)
    model = onnx.load(str(into))
    _keep_in_int8(model, narrow)
    onnx.save(model, str(into))


def _products(graph: Any) -> Iterator[Any]:
    """The matrix products by weights."""
    weights = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            yield node


def _narrows(node: Any, graph: Any) -> bool:
    """Whether a product gives fewer numbers than it takes."""
    rows, columns = next(t.dims for t in graph.initializer if t.name == node.input[1])
    return bool(rows > columns)


def _peaks(
    model: Any, products: Sequence[Any], feeds: Sequence[Feed]
) -> dict[str, npt.NDArray[np.float32]]:
    """The largest absolute value of each number of each product's input, by the input's name."""
    import onnx
    import onnxruntime
    from onnx import helper

    names = list(dict.fromkeys(node.input[0] for node in products))
    if not names:
        return {}
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    for name in names:
        shown.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(
        shown.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: dict[str, npt.NDArray[np.float32]] = {}
    for feed in feeds:
        for name, value in zip(names, session.run(names, feed), strict=True):
            peak = np.abs(value).reshape(-1, value.shape[-1]).max(0)
            found[name] = np.maximum(found.get(name, peak), peak)
    return found


def _smooth(model: Any, products: Sequence[Any], peaks: dict[str, npt.NDArray[np.float32]]) -> None:
    """Divide each product's input and multiply its weights' rows by what evens out both; products
    of one input share it.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for name, peak in peaks.items():
        own = [node for node in products if node.input[0] == name]
        values = [numpy_helper.to_array(weights[node.input[1]]) for node in own]
        rows = np.max([np.abs(value).max(1) for value in values], axis=0)
        factor = (
            np.maximum(peak, SMALLEST) ** POWER / np.maximum(rows, SMALLEST) ** (1 - POWER)
        ).astype(np.float32)
        factor /= np.exp(np.log(factor).mean())
        inverse, smoothed = f"{name}_inverse", f"{name}_smoothed"
        graph.initializer.append(numpy_helper.from_array(1 / factor, inverse))
        readers = {node.name for node in own}
        first = min(i for i, node in enumerate(graph.node) if node.name in readers)
        for node, value in zip(own, values, strict=True):
            evened = f"{node.input[1]}_{name}"
            graph.initializer.append(numpy_helper.from_array(value * factor[:, None], evened))
            node.input[0], node.input[1] = smoothed, evened
        graph.node.insert(
            first, helper.make_node("Mul", [name, inverse], [smoothed], name=smoothed)
        )
    used = {name for node in graph.node for name in node.input}
    unused = [i for i, tensor in enumerate(graph.initializer) if tensor.name not in used]
    for i in reversed(unused):
        del graph.initializer[i]


def _keep_in_int8(model: Any, products: set[str]) -> None:
    """Keep the weights of the products named in int8, a scale a column; the runtime restores them
    when it loads the file.
    """
    import onnx
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for position, node in reversed(
        [(i, node) for i, node in enumerate(graph.node) if node.name in products]
    ):
        name = node.input[1]
        weight = numpy_helper.to_array(weights[name])
        rows, scale = quantise_rows(torch.from_numpy(weight.T.copy()))
        kept = {f"{name}_int8": rows.numpy().T, f"{name}_scale": scale.numpy()}
        graph.initializer.extend(
            numpy_helper.from_array(np.ascontiguousarray(value), key) for key, value in kept.items()
        )
        graph.initializer.remove(weights[name])
        whole, restored = f"{name}_whole", f"{name}_restored"
        graph.node.insert(
            position, helper.make_node("Mul", [whole, f"{name}_scale"], [restored], name=restored)
        )
        graph.node.insert(
            position,
            helper.make_node(
                "Cast", [f"{name}_int8"], [whole], name=whole, to=onnx.TensorProto.FLOAT
            ),
        )
        node.input[1] = restored
