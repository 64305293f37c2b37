"""`Contrast` as a loss for sentence-transformers' trainer, with gradients cached over mini-batches
of the model (GradCache).

Method: GradCache (arXiv 2101.06983) by that library's mixin: embed all without a graph, take the
loss and its gradients by the vectors, then embed again mini-batch by mini-batch with a graph.
Memory is one mini-batch of activations; cost one more forward pass. Without `mini_batch_size` the
batch goes through the model at once, which is faster where it fits. MatryoshkaLoss takes either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from sentence_transformers.base.losses import CachedLossMixin
from sentence_transformers.util import all_gather, all_gather_with_grad, get_rank, get_world_size
from torch import nn

from lusifer.errors import LusiferError
from lusifer.training.losses.info_nce import (
    Contrast,
    Keys,
    info_nce,
    ranking_divergence,
    token_keys,
    unit_rows,
)


class ContrastiveLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """InfoNCE over (query, positive, negative, ...) columns; with labels (n, 1 + negatives), a
    teacher's scores, also their KL.

    On several processes candidates are gathered, with their gradients: the mean over processes is
    one process's with the whole batch.
    """

    def __init__(
        self,
        model: Any,
        settings: Contrast,
        *,
        mini_batch_size: int | None = None,
        mini_batch_num_tokens: int | None = None,
        kl: float = 0.0,
        teacher_temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.model: Any = model
        self.settings, self.kl, self.teacher_temperature = settings, kl, teacher_temperature
        self.uses_gradient_cache = mini_batch_size is not None or mini_batch_num_tokens is not None
        self.mini_batch_size, self.mini_batch_num_tokens = (
            mini_batch_size or 32,
            mini_batch_num_tokens,
        )
        self._found: Keys | None = None

    def forward(
        self,
        sentence_features: Iterable[dict[str, torch.Tensor]],
        labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        features = list(sentence_features)
        if len(features) < 2:
            raise LusiferError(
                f"contrastive learning wants queries and documents; the batch has {len(features)} column"
            )
        if self.kl and (
            labels is None or labels.shape != (len(features[0]["input_ids"]), len(features) - 1)
        ):
            raise LusiferError(
                "a KL to a teacher wants its score of the positive and of each negative, a row each"
            )
        self._found = token_keys(features)
        if self.uses_gradient_cache:
            loss: torch.Tensor = self.forward_cached(features, labels)  # type: ignore[operator]
            return loss
        return self.calculate_loss([[self._embed(feature)] for feature in features], labels)

    def _embed(self, feature: dict[str, torch.Tensor]) -> torch.Tensor:
        """A column's vectors; those that stay as they are come with it (`training/query_side.py`)."""
        vectors: torch.Tensor = (
            feature["frozen"] if "frozen" in feature else self.model(feature)["sentence_embedding"]
        )
        return vectors

    def calculate_loss(
        self,
        reps: list[list[torch.Tensor]],
        labels: torch.Tensor | None = None,
        *,
        with_backward: bool = False,
    ) -> torch.Tensor:
        """The loss of a batch's vectors, by column and mini-batch; with `with_backward` their
        gradients too.
        """
        columns = [
            unit_rows((torch.cat(column) if len(column) > 1 else column[0]).float())
            for column in reps
        ]
        queries, documents = (
            columns[0],
            columns[1][None] if len(columns) == 2 else torch.stack(columns[1:]),
        )
        del columns
        keys, first, rows = self._found, 0, len(queries)
        loss = queries.new_zeros(())
        if self.kl and labels is not None:
            temperature = self.settings.temperature
            loss = self.kl * ranking_divergence(
                queries, documents, labels, temperature, self.teacher_temperature
            )
        if get_world_size() > 1:
            first = get_rank() * rows
            queries = all_gather_with_grad(queries)
            documents = torch.stack([all_gather_with_grad(column) for column in documents])
            keys = keys and Keys(all_gather(keys.queries), all_gather(keys.documents))
        loss = loss + info_nce(queries, documents, self.settings, keys, first=first, rows=rows)
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss
