"""Echo: the states are those of a text's second reading, whatever is beside it in the batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.models.echo import EchoTransformer
from lusifer.training.reading import Reading, read_as
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_it_is_a_text_read_twice_and_pooled_once(family: str, model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder(family), device="cpu")
    inner, tokenizer = model[0].auto_model, model.tokenizer
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    with torch.no_grad():
        twice = inner(input_ids=torch.cat([ids, ids], 1)).last_hidden_state[0, ids.shape[1] :]
    read_as(model, Reading(echo=True, pooling="mean"), family)
    assert isinstance(model[0], EchoTransformer)
    alone = model.encode(TEXTS[:1])
    np.testing.assert_allclose(alone[0], twice.mean(0).numpy(), atol=1e-5)
    # A long neighbour puts padding in the middle of what is read.
    beside = model.encode([TEXTS[0], " ".join(TEXTS[:6])])
    np.testing.assert_allclose(beside[0], alone[0], atol=1e-5)


def test_the_first_word_knows_the_last(model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("llama"), device="cpu")
    one, other = (model.preprocess([f"{TEXTS[0]} {end}"]) for end in ("market", "river"))

    def first(features: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            states: torch.Tensor = model[0](dict(features))["token_embeddings"][0, 1]
        return states

    torch.testing.assert_close(first(one), first(other))
    read_as(model, Reading(echo=True), "llama")
    assert not torch.allclose(first(one), first(other), atol=1e-4)


def test_it_is_saved_and_loaded(tmp_path: Path, model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("qwen2"), device="cpu")
    read_as(model, Reading(echo=True), "qwen2")
    due = model.encode(TEXTS[:5], normalize_embeddings=True)
    model.save(str(tmp_path / "kept"), create_model_card=False)
    np.testing.assert_allclose(lusifer.load(tmp_path / "kept").encode(TEXTS[:5]), due, atol=1e-5)


def test_a_long_text_is_cut_where_both_readings_fit(model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("llama"), device="cpu")
    read_as(model, Reading(echo=True), "llama")
    assert model.max_seq_length == 128  # of 256 positions
    cut, longer = model.encode(["market " * 300, "market " * 900])
    np.testing.assert_allclose(cut, longer, atol=1e-5)
