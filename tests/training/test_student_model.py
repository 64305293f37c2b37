"""A student starts nearer to its teacher by a fitted head, and keeps that start through saving and
loading.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import lusifer
from lusifer.reshaping.whiten import whitening
from lusifer.training.student_model import (
    StudentStart,
    add_head,
    before_normalizing,
    starting,
    whiten,
)
from tests.conftest import TEXTS
from tests.reshaping.test_trim import FOREIGN, unigram


def sentences(count: int) -> list[str]:
    """Texts in eight languages, made of words that the tokenizer has seen."""
    words = [word for text in TEXTS + FOREIGN for word in text.split()]
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(words, size=draw.integers(2, 9))) for _ in range(count)]


def test_a_fitted_head_brings_the_untrained_student_near_to_its_teacher(tmp_path: Path) -> None:
    base = tmp_path / "base"
    strong = lusifer.sentence_transformer(unigram(tmp_path / "unigram"))
    with (
        torch.no_grad()
    ):  # random layers of the usual size change next to nothing, so that any student would do
        for weight in strong[0].auto_model.encoder.parameters():
            weight.mul_(8 if weight.ndim == 2 else 1)
    strong.save(str(base))
    texts = sentences(600)
    teacher = lusifer.load(base).encode(texts)
    start = StudentStart(base=str(base), layers=(0,), pieces=120)
    bare, headed = starting(start, texts), starting(start, texts)
    add_head(headed, texts[:400], teacher[:400].astype(np.float16))
    assert [type(module).__name__ for module in headed] == ["Transformer", "Pooling", "Dense"]

    def likeness(model: object) -> float:
        own = np.asarray(model.encode(texts[400:], normalize_embeddings=True))  # type: ignore[attr-defined]
        own, theirs = own - own.mean(0), teacher[400:] - teacher[400:].mean(0)
        return float(
            (
                (own * theirs).sum(1) / np.linalg.norm(own, axis=1) / np.linalg.norm(theirs, axis=1)
            ).mean()
        )

    assert likeness(headed) > likeness(bare) + 0.1
    headed.save(str(tmp_path / "student"))
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "student").encode(texts[:9]),
        headed.encode(texts[:9], normalize_embeddings=True),
        atol=1e-5,
    )


def test_a_whitened_student_is_centred_and_even_and_keeps_its_shape(tmp_path: Path) -> None:
    base, texts = unigram(tmp_path / "base"), sentences(300)
    teacher = lusifer.load(base).encode(texts).astype(np.float16)
    start = StudentStart(base=str(base), layers=(0, 1), pieces=120)
    for headed in (False, True):
        model = starting(start, texts)
        if headed:
            add_head(model, texts, teacher)
        _, before = before_normalizing(model, texts)
        whiten(model, texts, 1.0)
        assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Dense"]
        _, after = before_normalizing(model, texts)
        np.testing.assert_allclose(after.mean(0), 0, atol=1e-2)
        kept = (
            np.linalg.eigvalsh(np.cov(before.T)) > 1e-5 * np.linalg.eigvalsh(np.cov(before.T)).max()
        )
        variances = np.linalg.eigvalsh(np.cov(after.T))
        np.testing.assert_allclose(variances[kept], 1, atol=0.05)
        np.testing.assert_allclose(
            after, (before - before.mean(0)) @ whitening(before, 1.0), atol=0.05
        )
