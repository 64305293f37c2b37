"""A name becomes an `Embedder` with an identity; a setting that it does not take is told first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import ModelError
from lusifer.models.hub import weights_hash
from lusifer.models.identity import identity
from lusifer.models.load import LoadedModel, is_url
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def test_settings_that_a_model_does_not_have_are_told(model_folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must be cut or pool"):
        lusifer.load(model_folder("bert"), long="pol")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="takes no long='pool'"):
        lusifer.load("static", long="pool")
    assert lusifer.load(model_folder("bert"), budget=64).runner.budget == 64  # type: ignore[attr-defined]


def test_loading_draws_nothing(model_folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    """A program's output is its own: no bar of a library's, whose setting stays as it was."""
    from transformers.utils import logging

    assert logging.is_progress_bar_enabled()
    lusifer.load(model_folder("bert"))
    assert capfd.readouterr().err == ""
    assert logging.is_progress_bar_enabled()


@pytest.mark.parametrize("budget", [0, -1])
def test_a_batch_of_no_token_is_refused(budget: int, model_folder: Folder) -> None:
    with pytest.raises(ModelError, match=f"budget is {budget}; a batch holds at least 1 token"):
        lusifer.load(model_folder("bert"), budget=budget)


@pytest.mark.parametrize("family", ["bert", "qwen3", "t5"])
def test_every_family_gives_unit_vectors_in_order_by_path_or_name(
    family: str, model_folder: Folder
) -> None:
    texts = [*TEXTS, "駅はどこですか。", "أين السوق؟", ""]
    vectors = lusifer.load(model_folder(family)).encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(lusifer.load(str(model_folder(family))).encode(texts), vectors)
    np.testing.assert_allclose(
        lusifer.load(model_folder(family), budget=16).encode(texts[::-1])[::-1], vectors, atol=2e-5
    )


def test_a_loaded_model_is_found_again_from_anywhere(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder("bert")
    monkeypatch.chdir(folder.parent)
    model = LoadedModel.load("bert", budget=64)
    monkeypatch.chdir(tmp_path)
    assert os.path.isabs(model.name)
    again = LoadedModel.load(model.name)
    assert (again.hash, again.weights) == (identity(folder), weights_hash(folder))
    assert all(model.is_that(known) for known in (again.hash, again.weights))
    assert not model.is_that(identity(model_folder("xlm-roberta")))
    np.testing.assert_allclose(
        model.embedder.encode(TEXTS), again.embedder.encode(TEXTS), atol=1e-5
    )


def test_what_comes_along_keeps_its_short_name() -> None:
    model = LoadedModel.load("static", dimensions=64)
    assert model.name == "static"
    assert model.embedder.encode(["Habari ya asubuhi"]).shape == (1, 64)


def test_an_endpoint_is_known_by_its_url() -> None:
    urls: list[str | Path] = [
        "http://localhost:1/v1#m",
        Path("models/bert"),
        "https://x.y/v1",
        "bert",
        "httpx",
    ]
    assert [is_url(name) for name in urls] == [True, False, True, False, False]
    with pytest.raises(ModelError, match="is an endpoint, which takes no budget=3"):
        lusifer.load("http://localhost:1/v1#m", budget=3)
