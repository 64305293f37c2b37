"""Latent attention: untrained it is the mean; padding and neighbours change nothing; it is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lusifer
from lusifer.models.latent_attention import LatentAttention
from lusifer.training.reading import Reading, read_as
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def stirred(pooling: Any) -> Any:
    """The pooling as if it had been trained."""
    with torch.no_grad():
        for parameter in pooling.parameters():
            parameter.add_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.3
            )
    return pooling


@pytest.mark.parametrize("width", [32, 36, 30])
def test_untrained_it_is_the_mean_whatever_the_width(width: int) -> None:
    states = torch.randn(3, 5, width)
    mask = torch.tensor([[1] * 5, [1, 1, 1, 0, 0], [0, 1, 1, 1, 1]])
    found = LatentAttention(width, 16)({"token_embeddings": states, "attention_mask": mask})
    weight = mask[..., None].float()
    torch.testing.assert_close(
        found["sentence_embedding"], (states * weight).sum(1) / weight.sum(1)
    )


def test_trained_it_is_no_mean_and_padding_changes_nothing() -> None:
    pooling = stirred(LatentAttention(32, 16))
    states = torch.randn(1, 4, 32)
    ones = torch.ones(1, 4, dtype=torch.long)
    alone = pooling({"token_embeddings": states, "attention_mask": ones})["sentence_embedding"]
    wide = torch.cat([states, torch.randn(1, 3, 32)], 1)
    mask = torch.cat([ones, torch.zeros(1, 3, dtype=torch.long)], 1)
    padded = pooling({"token_embeddings": wide, "attention_mask": mask})["sentence_embedding"]
    torch.testing.assert_close(alone, padded)
    assert not torch.allclose(alone, states.mean(1), atol=0.05)


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_a_model_with_it_is_saved_and_loaded(
    family: str, tmp_path: Path, model_folder: Folder
) -> None:
    model = lusifer.sentence_transformer(model_folder(family), device="cpu")
    read_as(model, Reading(pooling="latent"), family)
    stirred(model[1])
    due = model.encode(TEXTS[:5], normalize_embeddings=True)
    model.save(str(tmp_path / "kept"), create_model_card=False)
    found = lusifer.load(tmp_path / "kept").encode(TEXTS[:5])
    np.testing.assert_allclose(found, due, atol=1e-5)
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "kept").encode(TEXTS[4:5]), found[4:5], atol=1e-5
    )
