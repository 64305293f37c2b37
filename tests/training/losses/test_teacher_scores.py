"""A row's ranking of its own documents is drawn to a teacher's."""

from __future__ import annotations

import pytest
import torch

from lusifer.training.losses.pair_terms import PairVectors
from lusifer.training.losses.teacher_scores import TeacherScores, ranking_divergence
from tests.training.losses.test_info_nce import vectors


def test_the_divergence_is_nothing_where_teacher_and_student_agree() -> None:
    q, d = (side.detach() for side in vectors(5, 3))
    scores = torch.einsum("nd,knd->nk", q, d)
    assert float(ranking_divergence(q, d, scores / 0.02, 0.02)) == pytest.approx(0, abs=1e-9)
    assert float(ranking_divergence(q, d, -scores / 0.02, 0.02)) > 1


def test_the_divergence_is_the_plain_sum_over_rows() -> None:
    q, d = (side.detach() for side in vectors(4, 2))
    teacher = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    total = 0.0
    for i in range(4):
        own = torch.stack([q[i] @ d[k, i] for k in range(3)]).div(0.1).softmax(0)
        due = (teacher[i] / 2).softmax(0)
        total += float((due * (due / own).log()).sum())
    term = TeacherScores(temperature=2.0, own_temperature=0.1)
    assert float(term(PairVectors(q, d, scores=teacher))) == pytest.approx(total / 4)


def test_a_constant_added_to_a_row_s_scores_changes_nothing() -> None:
    q, d = (side.detach() for side in vectors(3, 2))
    teacher = torch.randn(3, 3)
    moved = teacher + torch.tensor([[5.0], [-2.0], [0.0]])
    found = [ranking_divergence(q, d, scores, 0.05) for scores in (teacher, moved)]
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)
    assert float(ranking_divergence(q, d[:1], teacher[:, :1], 0.05)) == 0.0


@pytest.mark.parametrize(
    "wrong", [{"temperature": 0.0}, {"own_temperature": -1.0}, {"weight": 0.0}]
)
def test_temperatures_and_weights_are_above_0(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        TeacherScores(**wrong)  # type: ignore[arg-type]
