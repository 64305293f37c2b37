"""What is traced: the model from ids to unit vectors, its tables in eight or four bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import lusifer
from lusifer.errors import ModelError
from lusifer.models import four_bit
from lusifer.models.packed import quantise_rows, restore_rows
from lusifer.reshaping.onnx_graph import (
    TABLE,
    ExportGraph,
    FourBitTable,
    Int8Embedding,
    shrink_tables,
    trace,
)
from tests.conftest import TEXTS

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
Folder = Callable[[str], Path]
IDS = torch.tensor([[3, 0, 7], [7, 41, 3]])


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_the_traced_file_says_what_the_model_says_for_any_batch_and_padding(
    family: str, model_folder: Folder, tmp_path: Path
) -> None:
    model = lusifer.sentence_transformer(model_folder(family), device="cpu")
    trace(ExportGraph(model).eval(), tmp_path / "model.onnx", fold=True)
    session = onnxruntime.InferenceSession(
        str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    for texts in (TEXTS[:1], [*TEXTS, "駅はどこですか。", ""], [" ".join(TEXTS[:4])]):
        batch = model.preprocess(texts)
        feed = {name: batch[name].numpy() for name in ("input_ids", "attention_mask")}
        due = model.encode(texts, normalize_embeddings=True)
        (found,) = session.run(None, feed)
        np.testing.assert_allclose(found, due, atol=1e-5)
        wider = {name: np.pad(value, ((0, 0), (0, 5))) for name, value in feed.items()}
        np.testing.assert_allclose(session.run(None, wider)[0], due, atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 5.5])
def test_a_shrunk_table_gives_the_rows_that_its_bits_keep(factor: float) -> None:
    torch.manual_seed(0)
    table = nn.Embedding(60, 64)
    eight = restore_rows(*quantise_rows(table.weight.detach())) * factor
    four = four_bit.restore(*four_bit.quantise(table.weight.detach())) * factor
    torch.testing.assert_close(Int8Embedding(table, factor)(IDS), eight[IDS])
    torch.testing.assert_close(FourBitTable(table, factor)(IDS), four[IDS])
    assert not torch.allclose(eight, four)


@pytest.mark.parametrize(("bits", "kind"), [(8, Int8Embedding), (4, FourBitTable)])
def test_only_large_tables_are_shrunk_wherever_they_lie(bits: int, kind: type[nn.Module]) -> None:
    class Scaled(nn.Embedding):
        scalar_embed_scale = 3.0

    scaled = Scaled(TABLE, 32)
    model = nn.ModuleDict(
        {
            "small": nn.Embedding(TABLE - 1, 32),
            "inner": nn.Sequential(nn.Embedding(TABLE, 32), nn.Linear(32, 32)),
            "scaled": scaled,
        }
    )
    rows = scaled.weight.detach().clone()
    small, linear = model["small"], model.get_submodule("inner.1")
    shrink_tables(model, bits)
    assert type(model.get_submodule("inner.0")) is type(model["scaled"]) is kind
    assert (model["small"], model.get_submodule("inner.1")) == (small, linear)
    error = (model["scaled"](torch.arange(TABLE)) - 3 * rows).abs().max() / (3 * rows).abs().max()
    assert 0 < float(error) < (0.01 if bits == 8 else 0.15)


def test_what_onnx_has_no_operator_for_is_one_line(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = torch.special.bessel_j0(ids.float() * mask)
            return made

    with pytest.raises(ModelError, match="the model cannot be traced as ONNX") as told:
        trace(Odd(), tmp_path / "odd.onnx", fold=False)
    assert "\n" not in str(told.value)
