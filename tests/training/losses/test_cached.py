"""Cached gradients are those of the whole batch, of one column or several, of one term or a sum."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lusifer.training.losses.cached import ColumnLoss, Loss, check_mini_batch


class Tiny(nn.Module):
    """Token ids → the mean of their rows, bent."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.bend = nn.Embedding(50, 8), nn.Linear(8, 8)

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        mask = features["attention_mask"].unsqueeze(-1).float()
        mean = (self.table(features["input_ids"]) * mask).sum(1) / mask.sum(1)
        return {"sentence_embedding": torch.tanh(self.bend(mean))}


class InBatch(ColumnLoss):
    """Every row against every other, so that no part of the batch has a loss by itself."""

    def of(self, columns: list[torch.Tensor], labels: Any) -> Loss:
        scores = columns[0] @ columns[-1].T
        ranking = nn.functional.cross_entropy(scores, torch.arange(len(scores)))
        return {"ranking": ranking, "error": (columns[0] - labels).pow(2).mean()}


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("tokens", [6, 17, 10_000])
def test_gradients_are_those_of_the_whole_batch(columns: int, tokens: int) -> None:
    torch.manual_seed(0)
    batch = [
        {
            "input_ids": torch.randint(0, 50, (7, 5)),
            "attention_mask": (torch.arange(5) < torch.randint(1, 6, (7, 1))).long(),
        }
        for _ in range(columns)
    ]
    labels = torch.randn(7, 8)
    found = []
    for size in (None, tokens):
        torch.manual_seed(1)
        model = Tiny()
        loss = InBatch(model, size)
        if columns == 3:  # a column that no term reads is refused: read it
            loss.of = lambda c, y: (c[0] @ c[1].T).logsumexp(1).mean() + (c[2] - y).pow(2).mean()  # type: ignore[method-assign]
        made = loss([dict(feature) for feature in batch], labels)
        total = sum(made.values()) if isinstance(made, dict) else made
        total.backward()
        found.append((total.item(), [p.grad.clone() for p in model.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    for whole, parts in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-4)


def test_a_mini_batch_holds_no_more_tokens_than_it_may_padding_too() -> None:
    read: list[int] = []

    class Watched(Tiny):
        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            read.append(features["input_ids"].numel())
            return super().forward(features)

    torch.manual_seed(0)
    lengths = torch.randint(1, 40, (64, 1))
    feature = {
        "input_ids": torch.randint(0, 50, (64, 40)),
        "attention_mask": (torch.arange(40) < lengths).long(),
    }
    loss = InBatch(Watched(), 120)
    loss([feature], torch.randn(64, 8))
    # A mini-batch is full when its own tokens are; sorted, its longest row is little longer than the rest.
    assert max(read) <= 1.5 * 120
    assert sum(read) <= 1.2 * int(lengths.sum())


def test_mini_batches_of_no_token_are_refused() -> None:
    check_mini_batch(None)
    with pytest.raises(ValueError, match="at least 1"):
        check_mini_batch(0)
