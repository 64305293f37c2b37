"""A recipe's terms as one loss: their weighted sum, the library's where nothing of ours is on, and
the same with cached gradients.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)

from lusifer.errors import LusiferError
from lusifer.models.families import no_dropout
from lusifer.models.sentence_transformer import sentence_transformer
from lusifer.training.losses.contrastive import ContrastiveLoss
from lusifer.training.losses.info_nce import DIRECTIONS, InfoNCE
from lusifer.training.losses.teacher_scores import TeacherScores
from tests.conftest import TEXTS


@pytest.fixture
def model(model_folder: Callable[[str], Path]) -> Any:
    model = sentence_transformer(model_folder("bert"), device="cpu").double()
    no_dropout(model)
    return model


def columns(model: Any, k: int = 1) -> list[dict[str, torch.Tensor]]:
    texts = [*TEXTS, *(t[::-1] for t in TEXTS)]
    n = len(texts) // (2 + k)
    return [model.preprocess(texts[i * n : (i + 1) * n]) for i in range(2 + k)]


def gradients(
    model: Any, make: Callable[[Any], Any], labels: torch.Tensor | None = None
) -> tuple[float, list[torch.Tensor]]:
    model = copy.deepcopy(model).train()
    loss = make(model)([dict(f) for f in columns(model)], labels)
    loss.backward()
    return loss.item(), [p.grad for p in model.parameters() if p.grad is not None]


def test_the_loss_is_the_librarys_where_nothing_of_ours_is_on(model: Any) -> None:
    for partner, settings in (
        (MultipleNegativesRankingLoss, {}),
        (CachedMultipleNegativesRankingLoss, {"mini_batch_size": 4}),
    ):
        for directions in (("query_to_doc",), DIRECTIONS):
            value, grads = gradients(
                model,
                lambda m, p=partner, s=settings, d=directions: p(m, scale=50, directions=d, **s),  # type: ignore[misc]
            )
            ours, own = gradients(
                model,
                lambda m, d=directions: ContrastiveLoss(  # type: ignore[misc]
                    m,
                    [InfoNCE(temperature=0.02, mask=None, directions=d, chunk=3)],
                    mini_batch_size=4,
                ),
            )
            assert ours == pytest.approx(value, rel=1e-5)
            for a, b in zip(own, grads, strict=True):
                torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kl", [0.0, 0.5])
@pytest.mark.parametrize("dims", [None, [16, 8]])
def test_cached_gradients_are_the_plain_ones(model: Any, kl: float, dims: list[int] | None) -> None:
    settings = InfoNCE(
        temperature=0.02,
        margin=0.1,
        mask=0.1,
        directions=("query_to_doc", "query_to_query", "doc_to_doc"),
        chunk=4,
    )
    labels = torch.rand(len(columns(model)[0]["input_ids"]), 2) if kl else None

    def make(**cached: int) -> Callable[[Any], Any]:
        def of(m: Any) -> Any:
            terms = [settings, TeacherScores(weight=kl)] if kl else [settings]
            loss = ContrastiveLoss(m, terms, **cached)
            return MatryoshkaLoss(m, loss, dims) if dims else loss

        return of

    dims = dims and [model.get_embedding_dimension(), *dims]
    value, grads = gradients(model, make(), labels)
    for cached in ({"mini_batch_size": 3}, {"mini_batch_num_tokens": 20}):
        again, own = gradients(model, make(**cached), labels)
        assert again == pytest.approx(value, rel=1e-6)
        for a, b in zip(own, grads, strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_a_teacher_without_scores_is_refused(model: Any) -> None:
    with pytest.raises(LusiferError, match="wants its score"):
        ContrastiveLoss(model, [InfoNCE(), TeacherScores()])(columns(model), torch.zeros(2, 2))
    with pytest.raises(LusiferError, match="has 1 column"):
        ContrastiveLoss(model, [InfoNCE()])(columns(model)[:1])


def test_terms_add_up_by_their_weights(model: Any) -> None:
    labels = torch.rand(len(columns(model)[0]["input_ids"]), 2)
    terms = [InfoNCE(temperature=0.1, mask=None), TeacherScores(weight=0.25)]
    found = []
    for some in (terms, terms[:1], [TeacherScores()]):
        with torch.no_grad():
            found.append(float(ContrastiveLoss(model, some)(columns(model), labels)))
    both, contrast, ranking = found
    assert both == pytest.approx(contrast + 0.25 * ranking, rel=1e-6)


def test_vectors_that_come_with_a_column_are_taken_as_they_are(model: Any) -> None:
    features, terms = columns(model), [InfoNCE(temperature=0.1, mask=None)]
    whole = ContrastiveLoss(model, terms)([dict(f) for f in features])
    with torch.no_grad():
        vectors = [model(dict(f))["sentence_embedding"] for f in features[1:]]
    frozen = [f | {"frozen": v} for f, v in zip(features[1:], vectors, strict=True)]
    torch.testing.assert_close(ContrastiveLoss(model, terms)([features[0], *frozen]), whole)
