"""Each layer's states of a text are its own, and meet where the plain loop says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.evaluation.diagnostics.layers import alignment, by_layer
from lusifer.models.backends.torch_embedder import TorchEmbedder
from tests.conftest import TEXTS
from tests.evaluation.test_metrics import unit


def test_layers_meet_as_the_plain_loop_says(model_folder: Any) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    from lusifer.models.backends.torch_embedder import TorchEmbedder

    first = Transformer(str(model_folder("bert")))
    model = TorchEmbedder(
        SentenceTransformer(modules=[first, Pooling(first.get_embedding_dimension())], device="cpu")
    )
    texts = ["the sea is wide", "we bake bread", "a train leaves"]
    layers = by_layer(model, texts)
    assert layers is not None
    np.testing.assert_allclose(layers[-1], model.encode(texts), atol=1e-5)
    mexa, likeness = alignment(layers, layers)
    assert len(mexa) == len(layers)
    assert likeness == pytest.approx([1.0] * len(layers), abs=1e-5)
    assert by_layer(lusifer.load("static"), texts) is None


def embedder(folder: Path) -> TorchEmbedder:
    return TorchEmbedder(lusifer.sentence_transformer(folder))


@pytest.mark.parametrize("family", ["modernbert", "xlm-roberta"])
def test_a_text_s_layers_are_its_own_whatever_lies_beside(
    family: str, model_folder: Callable[[str], Path]
) -> None:
    """More texts than a batch, short beside long: rows keep their order, padding counts nothing."""
    model = embedder(model_folder(family))
    texts = [*TEXTS, " ".join(TEXTS[:4]), "sea", *(text[::-1] for text in TEXTS)]
    together = by_layer(model, texts)
    assert together is not None
    assert {layer.shape for layer in together} == {(len(texts), 32)}
    for i in (0, 17, 33):
        alone = by_layer(model, [texts[i]])
        assert alone is not None
        for layer, own in zip(together, alone, strict=True):
            np.testing.assert_allclose(layer[i], own[0], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(together[1], axis=1), 1, atol=1e-5)


def test_layers_without_sentences_are_none() -> None:
    rng = np.random.default_rng(0)
    x, y = unit(rng, 20), unit(rng, 20)
    mexa, likeness = alignment([x, x], [x, y])
    assert mexa[0] == 1.0
    assert mexa[1] < 0.5
    assert likeness == pytest.approx([1.0, float((x * y).sum(1).mean())], abs=1e-6)
    assert alignment([], []) == ([], [])
