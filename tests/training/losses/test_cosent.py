"""Pairs in the order of their grades: the loss is the published formula, and only the order counts."""

from __future__ import annotations

import math

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import CoSENTLoss

from lusifer.training.losses.cosent import CoSENT, order_loss
from lusifer.training.losses.pair_terms import PairVectors
from tests.training.losses.test_info_nce import vectors


def test_it_is_the_sum_over_pairs_in_the_wrong_order() -> None:
    cosines, grades = torch.tensor([0.9, 0.2, 0.5]), torch.tensor([1.0, 3.0, 3.0])
    wrong = math.exp((0.9 - 0.2) / 0.1) + math.exp((0.9 - 0.5) / 0.1)
    assert float(order_loss(cosines, grades, 0.1)) == pytest.approx(math.log(1 + wrong), rel=1e-6)


def test_it_is_the_library_s_at_the_same_scale() -> None:
    q, d = (side.detach().float() for side in vectors(7, 1))
    grades = torch.tensor([0.0, 5.0, 2.5, 2.5, 1.0, 4.0, 3.0])
    theirs = CoSENTLoss(None, scale=20.0).compute_loss_from_embeddings([q, d[0]], grades)  # type: ignore[arg-type]
    ours = CoSENT()(PairVectors(q, d[:1], scores=grades[:, None]))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_the_scale_of_grades_is_nothing_and_equal_grades_have_no_order() -> None:
    q, d = vectors(6, 1)
    grades = torch.arange(6.0)[:, None]
    losses = [CoSENT()(PairVectors(q, d, scores=g)) for g in (grades, grades * 100 - 7)]
    torch.testing.assert_close(losses[0], losses[1])
    none = CoSENT()(PairVectors(q, d, scores=torch.ones(6, 1)))
    none.backward()  # type: ignore[no-untyped-call]
    assert float(none.detach()) == 0
    assert q.grad is not None
    assert not q.grad.any()


def test_a_wrong_temperature_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        CoSENT(temperature=0.0)
