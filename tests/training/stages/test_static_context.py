"""Layers over a static table: they start as the table, see order once trained, and their ONNX file
says what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.data.sources import Source
from lusifer.errors import ConfigError, LusiferError
from lusifer.models.backends.static import load_static
from lusifer.training.context_encoder import Contextual, Layers, rotary, save_onnx
from lusifer.training.corpus import Data
from lusifer.training.run import load_recipe, train
from lusifer.training.stages.static_context import ContextRecipe
from tests.conftest import TEXTS, make_table
from tests.training.recipes import recipe


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return make_table(tmp_path / "table")


def made(table: Path) -> ContextRecipe:
    source = Source(files=("parallel.tsv",), columns=("language", "english", "text"))
    return ContextRecipe(
        "static",
        "context",
        "out",
        Data(parallel=(source,)),
        str(table),
        shape=Layers(2, 4, 24),
        max_tokens=64,
    )


def test_untrained_layers_are_the_table(table: Path, tmp_path: Path) -> None:
    static = load_static(table)
    save_onnx(
        tmp_path / "onnx",
        Contextual(static, made(table).shape),
        static,
        max_tokens=made(table).max_tokens,
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
    encoder = Contextual(static, made(table).shape)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=1.0)
    save_onnx(tmp_path / "onnx", encoder, static, max_tokens=made(table).max_tokens)
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


def test_the_stage_trains_layers_and_leaves_the_table(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    folder = train(recipe("static context", texts, model_folder))
    model, static = lusifer.load(folder), load_static(texts / "table" / "model")
    cosines = (model.encode(TEXTS) * static.encode(TEXTS)).sum(1)
    assert cosines.max() < 0.9999, "the layers have learnt"
    assert cosines.min() > 0.3, "and started at the table"


def test_what_does_not_fit_the_table_is_told(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    file = recipe("static context", texts, model_folder)
    for change, message in (
        (["shape.heads=3"], "must divide by twice that"),
        (["nested=[16]"], "between 1 and dim - 1, 15"),
    ):
        with pytest.raises(ConfigError, match=message):
            train(file, change)
    train(file, [f"output={texts / 'out'}"])
    make_table(texts / "table", seed=1)
    with pytest.raises(LusiferError, match="begun over another table"):
        train(file, [f"output={texts / 'out'}"])
    with pytest.raises(LusiferError, match="of which the first may be kept"):
        lusifer.load(texts / "out" / "model", dimensions=80)


def test_a_recipe_may_name_anothers_data() -> None:
    student = load_recipe("student", ["data.root=there"])
    table = load_recipe("static", ["data.root=there"])
    assert student.data == table.data
    named = load_recipe("static", ["data=student", "data.temperature=0.5"])
    assert named.data == replace(load_recipe("static").data, temperature=0.5)


def test_data_that_names_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        f"stage: static\nmethod: context\ndata: {tmp_path / 'b.yaml'}\n", encoding="utf-8"
    )
    (tmp_path / "b.yaml").write_text(f"data: {tmp_path / 'a.yaml'}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="names it again"):
        load_recipe(tmp_path / "a.yaml")


def test_a_trained_table_and_its_layers_are_kept_in_int8(table: Path, tmp_path: Path) -> None:
    static = load_static(table)
    settings = replace(made(table), train_table=True, int8=True, shape=Layers(2, 4, 64))
    torch.manual_seed(0)
    encoder = Contextual(static, settings.shape, train_table=True)
    assert encoder.table is not None
    assert encoder.table.requires_grad
    for layer in encoder.layers:
        for parameter in layer.parameters():  # type: ignore[attr-defined]
            torch.nn.init.normal_(parameter, std=0.3)
    head = torch.randn(static.dim, 24)
    save_onnx(
        tmp_path / "onnx", encoder, static, max_tokens=settings.max_tokens, int8=True, head=head
    )
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
    save_onnx(tmp_path / "wide", encoder, static, max_tokens=settings.max_tokens, head=head)
    assert whole < (tmp_path / "wide" / "model.onnx").stat().st_size - 2 * 3 * 64 * 16, (
        "the file holds int8, not floats"
    )


def test_vectors_may_be_in_the_teachers_space(
    texts: Path, model_folder: Callable[[str], Path]
) -> None:
    teacher = model_folder("bert")
    change = [
        "train_table=true",
        "space=teacher",
        f"teacher={{base: {teacher}}}",
        f"output={texts / 'in-space'}",
    ]
    folder = train(recipe("static context", texts, model_folder), change)
    assert lusifer.load(folder).dim == lusifer.load(teacher).dim
    with pytest.raises(ConfigError, match="wants a teacher"):
        train(recipe("static context", texts, model_folder), ["space=teacher", "teacher=null"])
    with pytest.raises(ConfigError, match="a power from 0"):
        train(recipe("static context", texts, model_folder), ["whiten=2"])
    turned = train(
        recipe("static context", texts, model_folder), ["whiten=0.5", f"output={texts / 'turned'}"]
    )
    assert np.isfinite(lusifer.load(turned).encode(TEXTS)).all()
