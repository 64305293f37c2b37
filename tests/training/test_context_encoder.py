"""Layers over a table start as the table, and their ONNX file says what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.models.backends.static import load_static
from lusifer.training.context_encoder import Contextual, Int8Linear, Layers, rotary, save_onnx
from tests.conftest import TEXTS, make_table

SHAPE = Layers(2, 4, 24)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return make_table(tmp_path / "table")


def test_untrained_layers_are_the_table(table: Path, tmp_path: Path) -> None:
    static = load_static(table)
    save_onnx(
        tmp_path / "onnx",
        Contextual(static, SHAPE),
        static,
        max_tokens=64,
    )
    model = lusifer.load(tmp_path / "onnx")
    mixed = [*TEXTS, " ".join(TEXTS[:3]), "station", "x" * 3000]
    np.testing.assert_allclose(model.encode(mixed), load_static(table).encode(mixed), atol=2e-3)
    assert model.max_tokens == 64
    assert np.isfinite(model.encode(["", "\u3042"])).all(), (
        "a text without a known token has a vector too"
    )


def test_the_file_says_what_the_layers_say_whatever_lies_beside(
    table: Path, tmp_path: Path
) -> None:
    static = load_static(table)
    torch.manual_seed(0)
    encoder = Contextual(static, SHAPE)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=1.0)
    save_onnx(tmp_path / "onnx", encoder, static, max_tokens=64)
    model = lusifer.load(tmp_path / "onnx")
    together = model.encode(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(model.encode([text])[0], vector, atol=1e-5)
        ids = torch.tensor([static.tokenizer.encode(text, add_special_tokens=False).ids])
        with torch.no_grad():
            expected = torch.nn.functional.normalize(
                encoder(ids, torch.ones_like(ids)).sum(1), dim=-1
            )[0].numpy()
        np.testing.assert_allclose(vector, expected, atol=1e-4)
    a, b = model.encode(["the old market", "market the old"])
    assert float(a @ b) < 0.999, "order counts"


def test_rotary_products_depend_on_the_distance_alone() -> None:
    x = torch.randn(1, 1, 1, 8).expand(1, 1, 6, 8)
    turned = rotary(x)[0, 0]
    products = turned @ turned.T
    for distance in range(1, 5):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-4, atol=1e-4)


def test_a_trained_table_and_its_layers_are_kept_in_int8(table: Path, tmp_path: Path) -> None:
    static = load_static(table)
    torch.manual_seed(0)
    encoder = Contextual(static, Layers(2, 4, 64), train_table=True)
    assert encoder.table is not None
    assert encoder.table.requires_grad
    for layer in encoder.layers:
        for parameter in layer.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    head = torch.randn(static.dim, 24)
    save_onnx(tmp_path / "onnx", encoder, static, max_tokens=64, int8=True, head=head)
    model = lusifer.load(tmp_path / "onnx")
    assert model.dim == 24
    expected = []
    for text in TEXTS:
        ids = torch.tensor([static.tokenizer.encode(text, add_special_tokens=False).ids])
        with torch.no_grad():
            expected.append(
                torch.nn.functional.normalize(
                    encoder(ids, torch.ones_like(ids)).sum(1) @ head, dim=-1
                )[0].numpy()
            )
    cosines = (model.encode(TEXTS) * np.stack(expected)).sum(1)
    assert cosines.min() > 0.995, cosines
    whole = (tmp_path / "onnx" / "model.onnx").stat().st_size
    save_onnx(tmp_path / "wide", encoder, static, max_tokens=64, head=head)
    assert whole < (tmp_path / "wide" / "model.onnx").stat().st_size - 2 * 3 * 64 * 16, (
        "the file holds int8, not floats"
    )


def test_padding_and_neighbours_change_no_state(table: Path) -> None:
    torch.manual_seed(0)
    encoder = Contextual(load_static(table), SHAPE).eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    ids = torch.tensor([[9, 30, 41, 1, 1, 1], [7, 8, 9, 10, 11, 12]])
    mask = (ids != 1).long()
    with torch.no_grad():
        together, alone = encoder(ids, mask), encoder(ids[:1, :3], mask[:1, :3])
    torch.testing.assert_close(together[:1, :3], alone, rtol=1e-4, atol=1e-4)


def test_int8_is_within_half_a_step_of_each_row(table: Path) -> None:
    linear = torch.nn.Linear(16, 8)
    made = Int8Linear(linear)
    assert made.rows.dtype == torch.int8
    error = (made.rows.float() * made.scale - linear.weight).abs()
    assert (error <= made.scale * 0.501).all()
    x = torch.randn(5, 16)
    torch.testing.assert_close(made(x), linear(x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("wrong", [(0, 4, 24), (2, 0, 24), (2, 4, -1)])
def test_a_shape_without_layers_heads_or_width_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="are 1 or more; not"):
        Layers(*wrong)
