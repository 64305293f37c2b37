"""Translation ranking is its definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lusifer.training.losses.margin import margin_ranking, same_texts


def plain_margin(
    x: torch.Tensor, y: torch.Tensor, temperature: float, margin: float, same: list[tuple[int, int]]
) -> torch.Tensor:
    """LaBSE's equations, one row at a time."""
    x, y = F.normalize(x, dim=-1), F.normalize(y, dim=-1)
    total = torch.zeros(())
    for a, b in ((x, y), (y, x)):
        for i in range(len(a)):
            own = torch.exp((a[i] @ b[i] - margin) / temperature)
            others = sum(
                torch.exp(a[i] @ b[j] / temperature)
                for j in range(len(b))
                if j != i and (i, j) not in same and (j, i) not in same
            )
            total = total - torch.log(own / (own + others))
    return total / (2 * len(x))


def test_margin_ranking_is_its_definition() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(6, 8), torch.randn(6, 8)
    same = torch.eye(6, dtype=torch.bool)
    same[1, 4] = same[4, 1] = True
    torch.testing.assert_close(
        margin_ranking(x, y, 0.1, 0.3, same), plain_margin(x, y, 0.1, 0.3, [(1, 4)])
    )


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_the_two_sides_can_change_places(rows: int) -> None:
    torch.manual_seed(rows)
    x, y = torch.randn(rows, 5), torch.randn(rows, 5)
    torch.testing.assert_close(margin_ranking(x, y, 0.1, 0.2), margin_ranking(y, x, 0.1, 0.2))


def test_a_margin_asks_for_more() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(6, 5), torch.randn(6, 5)
    losses = [float(margin_ranking(x, y, 0.1, margin)) for margin in (0.0, 0.1, 0.3)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_equal_texts_of_either_side_are_the_same() -> None:
    english, text = torch.tensor([1, 2, 1, 3]), torch.tensor([5, 6, 7, 6])
    expected = torch.eye(4, dtype=torch.bool)
    expected[0, 2] = expected[2, 0] = expected[1, 3] = expected[3, 1] = True
    assert torch.equal(same_texts(english, text), expected)


def test_what_is_the_same_is_no_negative_whatever_its_score() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    same = torch.zeros(3, 3, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    assert float(margin_ranking(x, x, 0.05, same=same)) < 1e-6
    assert float(margin_ranking(x, x, 0.05)) > 0.4
