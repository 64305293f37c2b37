"""Words in five scripts, and a state for each: the mean of its pieces in the sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.insight.word_states import split_words, word_states
from tests.conftest import TEXTS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop at 3,500 km.", ["Don't", "stop", "at", "3,500", "km", "."]), ("古い駅へ", ["古", "い", "駅", "へ"]),
        ("स्टेशन कहाँ है?", ["स्टेशन", "कहाँ", "है", "?"]), ("أين المحطة؟", ["أين", "المحطة", "؟"]), ("вчера-завтра", ["вчера-завтра"]), ("", []),
    ],
)  # fmt: skip
def test_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_a_word_is_the_mean_of_its_pieces(model_folder: Callable[[str], Path], family: str) -> None:
    model = lusifer.load(str(model_folder(family)))
    words = split_words(TEXTS[0])
    found = word_states(model, words, 1)
    inner, tokenizer = model.model[0].auto_model, model.model.tokenizer  # type: ignore[attr-defined]
    made = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        states = inner(
            **{k: made[k] for k in ("input_ids", "attention_mask")}, output_hidden_states=True
        ).hidden_states[1][0]
    owners = made.word_ids(0)
    for number in range(len(words)):
        rows = [i for i, owner in enumerate(owners) if owner == number]
        np.testing.assert_allclose(found[number], states[rows].float().mean(0).numpy(), atol=1e-5)
