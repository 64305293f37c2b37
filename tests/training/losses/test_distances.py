"""Each distance is its definition, and nothing at the teacher itself."""

from __future__ import annotations

import pytest
import torch

from lusifer.training.losses.distances import Cosine, RawError, SquaredError


@pytest.mark.parametrize("scale", [1.0, 5.0])
@pytest.mark.parametrize("term", [Cosine(), SquaredError(), RawError()], ids=lambda t: t.kind)
def test_a_length_matters_to_the_raw_error_alone(
    term: Cosine | SquaredError | RawError, scale: float
) -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 7), torch.randn(5, 7)
    same = torch.isclose(term(scale * student, teacher), term(student, teacher))
    assert bool(same) is (scale == 1.0 or term.kind != "error")
    assert float(term(teacher, teacher).abs()) < 1e-6


def test_squared_error_of_units_is_twice_the_cosine_distance() -> None:
    torch.manual_seed(1)
    student, teacher = torch.randn(5, 7), torch.randn(5, 7)
    torch.testing.assert_close(SquaredError()(student, teacher), 2 * Cosine()(student, teacher))


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [Cosine, SquaredError, RawError])
def test_a_weight_is_a_number_above_0(kind: type[Cosine], weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        kind(weight=weight)
