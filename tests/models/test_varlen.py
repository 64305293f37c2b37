"""Texts laid end to end: each has the states that it has alone, in a window or not, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from lusifer.models import families, varlen
from lusifer.models.varlen import Segments, flat, mask_of
from tests.conftest import CAUSAL

Folder = Callable[[str], Path]
CPU = torch.device("cpu")


@pytest.mark.parametrize("family", [*varlen.FAMILIES])
@pytest.mark.parametrize("causal", [False, True])
def test_texts_end_to_end_are_the_padded_ones(
    family: str, causal: bool, model_folder: Folder
) -> None:
    if causal and family not in CAUSAL:
        pytest.skip("an encoder sees both ways")
    role: Any = "target" if family in CAUSAL else "encoder"
    model = families.load(model_folder(family), role, causal=causal)
    lengths = [1, 7, 3, 200, 12]  # past ModernBERT's window of 64 on either side
    rows = [torch.randint(5, 150, (n,)) for n in lengths]
    mask = torch.arange(200)[None] < torch.tensor(lengths)[:, None]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=1)
    with torch.no_grad():
        padded = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state[mask]
        segments = Segments.of(lengths, ids.device)
        laid = varlen.run(model, segments, ids=torch.cat(rows))[0]
        embedded = varlen.run(
            model,
            segments,
            embeds=families.embeddings(model)[0][torch.cat(rows)] * families.embeddings(model)[1],
        )[0]
    torch.testing.assert_close(laid, padded, rtol=1e-3, atol=2e-4)
    if family != "gemma":  # which scales what it looks up, not what it is given
        torch.testing.assert_close(embedded, padded, rtol=1e-3, atol=2e-4)
    assert model.config._attn_implementation != varlen.NAME, "the model is as it was"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_segments_say_whose_each_token_is_and_where(lengths: list[int]) -> None:
    segments, total = Segments.of(lengths, CPU), sum(lengths)
    owners = [i for i, n in enumerate(lengths) for _ in range(n)]
    assert segments.owners(total).tolist() == [owners]
    assert segments.positions(total).tolist() == [[p for n in lengths for p in range(n)]]
    mask = mask_of(segments)
    assert mask.shape == (len(lengths), segments.longest)
    assert mask.tolist() == [[p < n for p in range(max(lengths))] for n in lengths]
    rows = [np.arange(n, dtype=np.uint32) + 7 * n for n in lengths]
    laid = torch.zeros(mask.shape, dtype=torch.long)
    laid[mask] = flat(rows, CPU)
    for row, own, n in zip(rows, laid, lengths, strict=True):
        assert own[:n].tolist() == row.tolist()


@pytest.mark.parametrize("family", ["bert", "modernbert", "qwen3"])
def test_a_text_has_the_states_that_it_has_alone_and_so_its_gradient(
    family: str, model_folder: Folder
) -> None:
    role: Any = "target" if family in CAUSAL else "encoder"
    model = families.load(model_folder(family), role, causal=False).eval()
    rows = [torch.randint(5, 150, (n,)) for n in (9, 1, 70, 4)]
    segments = Segments.of([len(row) for row in rows], CPU)
    table = families.embeddings(model)[0]
    direction, gradients = torch.randn(32), []
    for laid in (True, False):
        model.zero_grad()
        if laid:
            states = varlen.run(model, segments, ids=torch.cat(rows))[0]
        else:
            states = torch.cat(
                [varlen.run(model, Segments.of([len(r)], CPU), ids=r)[0] for r in rows]
            )
        torch.autograd.backward((states @ direction).sum())
        assert table.grad is not None
        gradients.append((states.detach(), table.grad.clone()))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max()))
        assert other.abs().max() > 0.1


def test_a_family_that_adds_to_its_attention_stays_padded_and_a_cpu_too(
    model_folder: Folder,
) -> None:
    for family in ("t5", "gemma2"):
        role: Any = "target" if family in CAUSAL else "encoder"
        assert not varlen.fits(families.load(model_folder(family), role))
    model = families.load(model_folder("bert"), "encoder")
    assert varlen.fits(model)
    assert not varlen.fits(torch.nn.Linear(2, 2))
    assert not varlen.fast(model, bf16=True), "it is faster so on a GPU alone"


def test_the_model_is_as_it_was_also_after_an_error(model_folder: Folder) -> None:
    model = families.load(model_folder("bert"), "encoder")
    before = model.config._attn_implementation
    with pytest.raises(IndexError):
        varlen.run(model, Segments.of([3], CPU), ids=torch.tensor([5, 10**6, 7]))
    assert model.config._attn_implementation == before
