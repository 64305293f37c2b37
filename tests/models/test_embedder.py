"""What every kind of model does alike: texts from anywhere, and a line that says what it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.embedder import BaseEmbedder
from lusifer.training.assemble import assemble, save_model
from tests.conftest import TEXTS, make_table

Folder = Callable[[str], Path]
KINDS = ["static", "default", "torch", "bridge"]


@pytest.fixture(params=KINDS)
def embedder(request: pytest.FixtureRequest, model_folder: Folder, tmp_path: Path) -> BaseEmbedder:
    if request.param == "default":
        name = "default"
    elif request.param == "static":
        name = str(make_table(tmp_path / "table"))
    elif request.param == "torch":
        name = str(model_folder("bert"))
    else:
        config = BridgeConfig(
            Part(str(model_folder("bert")), "lora"), Part(str(model_folder("llama"))), max_tokens=64
        )
        save_model(assemble(Bridge.new(config), "cpu"), tmp_path / "bridge")
        name = str(tmp_path / "bridge")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # loading says nothing that a user can do nothing about
        loaded = lusifer.load(name)
    assert isinstance(loaded, BaseEmbedder)
    return loaded


@pytest.mark.parametrize("size", [None, 1, 3, 8, 100])
def test_texts_come_from_anywhere_and_any_number_at_a_time(
    embedder: BaseEmbedder, size: int | None
) -> None:
    expected = embedder.encode(TEXTS[:8])
    for texts in (TEXTS[:8], tuple(TEXTS[:8]), np.array(TEXTS[:8]), (t for t in TEXTS[:8])):
        found = embedder.encode(texts, batch_size=size)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=2e-3)
    assert embedder.encode(iter(()), batch_size=size).shape == (0, embedder.dim)


def test_a_generator_is_never_in_memory_whole(embedder: BaseEmbedder) -> None:
    asked: list[int] = []
    most = 0
    whole = embedder.vectors

    def texts() -> Iterator[str]:
        for number in range(7):
            asked.append(number)
            yield TEXTS[number]

    def watched(part: list[str], prompt: str | None) -> np.ndarray:
        nonlocal most
        most = max(most, len(part))
        return whole(part, prompt)

    embedder.vectors = watched  # type: ignore[method-assign,assignment]
    assert embedder.encode(texts(), batch_size=2).shape == (7, embedder.dim)
    assert most == 2
    assert asked == list(range(7))


def test_wrong_texts_are_told(embedder: BaseEmbedder) -> None:
    for size in (None, 2):
        with pytest.raises(LusiferError, match=r"encode\(\[text\]\)"):
            embedder.encode("one text", batch_size=size)
        with pytest.raises(LusiferError, match="is int, expected str"):
            embedder.encode([TEXTS[0], 3], batch_size=size)  # type: ignore[list-item]
        with pytest.raises(LusiferError, match="has no prompt 'nonsense'"):
            embedder.encode(TEXTS[:2], prompt="nonsense", batch_size=size)
    for wrong in (0, "4", 2.5):
        with pytest.raises(LusiferError, match=f"batch_size is {wrong!r}"):
            embedder.encode(TEXTS[:2], batch_size=wrong)  # type: ignore[arg-type]
    for none in (None, 5, {"a": 1}, b"abc"):
        with pytest.raises(LusiferError, match=f"not {type(none).__name__}"):
            embedder.encode(none)  # type: ignore[arg-type]


def test_it_says_what_it_is(embedder: BaseEmbedder) -> None:
    assert f": {embedder.dim} numbers, " in repr(embedder)
    assert all(name in repr(embedder) for name in embedder.prompts)


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_here_is_told_with_those_that_are(
    device: str, model_folder: Folder
) -> None:
    with pytest.raises(ModelError, match=r"device is .*; here are cpu"):
        lusifer.load(model_folder("bert"), device=device)
