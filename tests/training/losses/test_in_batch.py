"""Terms over a batch: their own definitions, one row at a time."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lusifer.training.losses.in_batch import Similarities, TeacherRanking


def units(rows: int, seed: int) -> list[list[float]]:
    torch.manual_seed(seed)
    return F.normalize(torch.randn(rows, 4), dim=-1).tolist()


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("rows", [2, 3, 6])
def test_ranking_is_the_cross_entropy_of_ones_own_teacher(rows: int) -> None:
    s, t = units(rows, 1), units(rows, 2)
    plain = -sum(math.log(softmax([dot(s[i], other) / 0.2 for other in t])[i]) for i in range(rows))
    found = TeacherRanking(temperature=0.2)(torch.tensor(s), torch.tensor(t))
    assert float(found) == pytest.approx(plain / rows, rel=1e-4)


@pytest.mark.parametrize("rows", [2, 3, 6])
def test_similarities_are_compared_without_ones_own(rows: int) -> None:
    s, t = units(rows, 3), units(rows, 4)
    plain = 0.0
    for i in range(rows):
        others = [j for j in range(rows) if j != i]
        p = softmax([dot(t[i], t[j]) / 0.2 for j in others])
        q = softmax([dot(s[i], s[j]) / 0.2 for j in others])
        plain += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    found = Similarities(temperature=0.2)(torch.tensor(s), torch.tensor(t))
    assert float(found) == pytest.approx(plain / rows, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -0.1])
@pytest.mark.parametrize("term", [TeacherRanking, Similarities])
def test_a_temperature_is_above_0(term: type[TeacherRanking], temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature is above 0"):
        term(temperature=temperature)
