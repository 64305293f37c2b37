"""Four bits a number: what comes back is near, comes back unchanged a second time, and lets the
gradient through.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from lusifer.errors import ModelError
from lusifer.models.four_bit import BLOCK, FourBitEmbedding, quantise, restore, rounded


def rows(seed: int, n: int = 40, blocks: int = 3) -> torch.Tensor:
    return torch.randn(n, blocks * BLOCK, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_what_is_kept_is_the_rounded_row_and_stays_so(seed: int, size: float) -> None:
    given_ = rows(seed) * size
    packed, scale = quantise(given_)
    assert (packed.dtype, packed.shape) == (torch.uint8, (40, 48))
    assert (scale.dtype, scale.shape) == (torch.float16, (40, 3))
    back = restore(packed, scale)
    assert torch.equal(back, rounded(given_))
    assert torch.equal(rounded(back), back)
    assert torch.cosine_similarity(back, given_).min() > 0.98


def test_rows_of_zeros_and_lone_numbers_come_back() -> None:
    odd = torch.zeros(3, BLOCK)
    odd[1, 5], odd[2] = -2.0, 1.0
    torch.testing.assert_close(restore(*quantise(odd)), odd)


def test_the_gradient_reaches_the_rows_as_if_they_were_not_rounded() -> None:
    plain = nn.Embedding.from_pretrained(rows(1), freeze=False)
    four = FourBitEmbedding.from_pretrained(rows(1), freeze=False)
    ids, weight = (
        torch.tensor([[3, 5, 3], [0, 1, 2]]),
        torch.randn(2, 3, 96, generator=torch.Generator().manual_seed(2)),
    )
    for table in (plain, four):
        (table(ids) * weight).sum().backward()
    torch.testing.assert_close(plain.weight.grad, four.weight.grad)
    torch.testing.assert_close(four(ids), rounded(rows(1))[ids])


def test_a_width_without_blocks_is_told() -> None:
    with pytest.raises(
        ModelError,
        match="rows of 40 numbers cannot be kept in four bits: they come in blocks of 32",
    ):
        quantise(torch.zeros(2, 40))
