"""What a step keeps is counted, not guessed: by rows, by what is trained, by mini-batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lusifer.training import memory


class Layers(nn.Module):
    """Two layers of 8 numbers over ids, whose backward pass needs known tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])

    def forward(self, features: Any) -> torch.Tensor:
        state = self.table(features["input_ids"])
        for layer in self.layers:
            state = torch.tanh(layer(state))
        return state


def batch(rows: int, length: int = 5) -> dict[str, torch.Tensor]:
    ids = torch.ones(rows, length, dtype=torch.long)
    return {"query_input_ids": ids, "query_attention_mask": torch.ones_like(ids)}


def kept(rows: int, **settings: Any) -> int:
    model = Layers()
    return memory.kept_by_batch(model, model, batch(rows), precision="fp32", **settings)


def test_what_is_kept_is_counted_to_the_byte() -> None:
    # The ids (8 bytes a token), the first layer's input, and each layer's output: 8 numbers of 4 bytes.
    assert kept(6) == 6 * 5 * (8 + 3 * 8 * 4)


@pytest.mark.parametrize("rows", [1, 2, 3, 64])
def test_it_grows_with_the_rows(rows: int) -> None:
    assert kept(rows) == rows * kept(1)


def test_mini_batches_keep_no_more_than_their_tokens() -> None:
    assert kept(64, at_once=20) == kept(4)
    assert kept(2, at_once=1000) == kept(2)


def test_nothing_is_kept_where_nothing_learns() -> None:
    model = Layers()
    model.requires_grad_(False)
    assert memory.kept_by_batch(model, model, batch(8), precision="fp32") == 0


def test_counting_leaves_mode_and_random_numbers_as_they_were() -> None:
    model = Layers().eval()
    state = torch.get_rng_state()
    memory.kept_by_batch(model, model, batch(3))
    assert not model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_layers_that_gradients_only_pass_keep_less_and_frozen_ones_behind_nothing_nothing() -> None:
    class Config:
        num_hidden_layers, hidden_size, num_attention_heads = 4, 64, 4

    full, through, none = (
        memory.kept_by_layers(100, 50, Config(), learns=learns, passes=passes)
        for learns, passes in ((True, True), (False, True), (False, False))
    )
    assert full > through > none == 0
    assert memory.kept_by_layers(100, 50, Config(), recompute=True) < full
    assert memory.kept_by_layers(100, 500, Config()) >= full


def test_of_the_first_batches_the_largest_is_looked_at() -> None:
    lengths = [3, 9, 5, 9, 2, 2, 2, 2, 40]
    found = memory.largest(lambda step: batch(4, lengths[step]), len(lengths))
    assert found["query_input_ids"].shape == (4, 9), "no more than the first few are made"
    assert memory.largest(lambda step: batch(4, lengths[step]), 1)["query_input_ids"].shape == (
        4,
        3,
    )
