"""A loss over whole columns of texts, with gradients cached over mini-batches of the model (GradCache).

Method: GradCache (arXiv 2101.06983) by sentence-transformers' mixin: embed all without a graph, take
the loss and its gradients by the vectors, then embed again mini-batch by mini-batch with a graph.
The texts of a column are read longest first, so that a mini-batch holds next to no padding: its tokens
bound its memory, and shorter texts cost no time for longer ones. Memory is one mini-batch of
activations; cost one more forward pass. Not where the batch fits: at once is faster, and gives the
same gradients.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from sentence_transformers.base.losses import CachedLossMixin
from torch import nn

from lusifer.training.distributed import wanted

Loss = torch.Tensor | dict[str, torch.Tensor]


class ColumnLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """A loss of the vectors of each column of a batch; a subclass says which (`of`)."""

    def __init__(self, model: Any, mini_batch_tokens: int | None = None) -> None:
        """`mini_batch_tokens`: so many are read at a time; null reads the batch at once."""
        super().__init__()
        self.model: Any = model
        self.uses_gradient_cache = mini_batch_tokens is not None
        self.mini_batch_size, self.mini_batch_num_tokens = 32, mini_batch_tokens
        self.tokens = mini_batch_tokens
        self._places: list[torch.Tensor] = []

    @abstractmethod
    def of(self, columns: list[torch.Tensor], labels: Any) -> Loss:
        """The loss, or its terms by name.

        Args:
            columns: the vectors of each column, (n, d).
            labels: as the batch has them.

        Returns:
            A scalar, or several whose sum is the loss.
        """
        raise TypeError(f"{type(self).__name__} must say what it is")

    def forward(
        self, sentence_features: Iterable[dict[str, torch.Tensor]], labels: Any = None
    ) -> Loss:
        """The loss of a batch's features, a column each."""
        features = list(sentence_features)
        if self.uses_gradient_cache:
            features, self._places = longest_first(features)
            read_evenly(self, features, self.tokens)
            cached: torch.Tensor = self.forward_cached(features, labels)  # type: ignore[operator]
            return cached
        return self.of([self.model(feature)["sentence_embedding"] for feature in features], labels)

    def calculate_loss(
        self, reps: list[list[torch.Tensor]], labels: Any = None, *, with_backward: bool = False
    ) -> torch.Tensor:
        """The loss of a batch's vectors, by column and mini-batch; with `with_backward` their
        gradients too.
        """
        columns = [torch.cat(column) for column in reps]
        made = self.of([v[place] for v, place in zip(columns, self._places, strict=True)], labels)
        loss = sum(made.values(), torch.zeros(())) if isinstance(made, dict) else made
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss


def longest_first(
    features: Iterable[dict[str, torch.Tensor]],
) -> tuple[list[dict[str, torch.Tensor]], list[torch.Tensor]]:
    """The rows of each column by length.

    Args:
        features: of each column, tensors of n rows; `attention_mask` (n, length) tells lengths.

    Returns:
        The columns, the longest row first, and for each the places (n,) of its rows: vectors of the
        sorted column, taken by them, are in the batch's order.
    """
    columns, places = list[dict[str, torch.Tensor]](), list[torch.Tensor]()
    for feature in features:
        lengths = feature["attention_mask"].sum(1)
        order = torch.argsort(lengths, descending=True, stable=True)
        columns.append(
            {
                name: value[order]
                if isinstance(value, torch.Tensor) and len(value) == len(order)
                else value
                for name, value in feature.items()
            }
        )
        places.append(torch.argsort(order))
    return columns, places


def read_evenly(
    loss: CachedLossMixin, features: list[dict[str, torch.Tensor]], tokens: int | None
) -> None:
    """Where FSDP gathers each block's weights for all processes at once, have each process read as many
    mini-batches as the others: of rows, as many as fit `tokens` if all were the longest. A batch is
    padded before it is shared, so all find the same number. Elsewhere nothing changes.
    """
    if tokens is not None and wanted():
        widest = max(feature["input_ids"].shape[1] for feature in features)
        loss.mini_batch_num_tokens, loss.mini_batch_size = None, max(1, tokens // widest)


def check_mini_batch(tokens: int | None) -> None:
    """Raise ValueError where mini-batches would hold no token."""
    if tokens is not None and tokens < 1:
        raise ValueError("mini_batch_tokens must be at least 1 (or null)")
