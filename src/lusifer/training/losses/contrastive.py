"""A recipe's terms over pairs as a loss for sentence-transformers' trainer, with gradients cached
over mini-batches of the model (GradCache).

Method: GradCache (arXiv 2101.06983) by that library's mixin: embed all without a graph, take the
loss and its gradients by the vectors, then embed again mini-batch by mini-batch with a graph.
Texts are read longest first (`losses/cached.py`). Memory is one mini-batch of activations; cost one
more forward pass. Without `mini_batch_size` the
batch goes through the model at once, which is faster where it fits. MatryoshkaLoss takes either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from sentence_transformers.base.losses import CachedLossMixin
from torch import nn

from lusifer.errors import LusiferError
from lusifer.training.losses.cached import longest_first, read_evenly
from lusifer.training.losses.info_nce import unit_rows
from lusifer.training.losses.pair_terms import Keys, PairTerm, PairVectors, token_keys


class ContrastiveLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """The weighted sum of a recipe's terms over (query, positive, negative, ...) columns; labels (n,
    1 + negatives) are a teacher's scores.
    """

    def __init__(
        self,
        model: Any,
        terms: Sequence[PairTerm],
        *,
        mini_batch_size: int | None = None,
        mini_batch_num_tokens: int | None = None,
        beside: Callable[[], torch.Tensor | float] | None = None,
    ) -> None:
        """`beside`: what the model's forward passes left to be added, without cached gradients."""
        super().__init__()
        self.beside = beside
        self.model: Any = model
        self.terms = terms
        self.uses_gradient_cache = mini_batch_size is not None or mini_batch_num_tokens is not None
        self.mini_batch_size, self.mini_batch_num_tokens = (
            mini_batch_size or 32,
            mini_batch_num_tokens,
        )
        self.tokens = mini_batch_num_tokens
        self._found: Keys | None = None
        self._places: list[torch.Tensor] = []

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
        if any(term.scored for term in self.terms) and (
            labels is None or labels.shape != (len(features[0]["input_ids"]), len(features) - 1)
        ):
            raise LusiferError(
                "a KL to a teacher wants its score of the positive and of each negative, a row each"
            )
        self._found = token_keys(features)
        if self.uses_gradient_cache:
            features, self._places = longest_first(features)
            read_evenly(self, features, self.tokens)
            loss: torch.Tensor = self.forward_cached(features, labels)  # type: ignore[operator]
            return loss
        self._places = []
        found = self.calculate_loss([[self._embed(feature)] for feature in features], labels)
        return found if self.beside is None else found + self.beside()

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
        if self._places:
            columns = [v[place] for v, place in zip(columns, self._places, strict=True)]
        queries, documents = (
            columns[0],
            columns[1][None] if len(columns) == 2 else torch.stack(columns[1:]),
        )
        del columns
        batch = PairVectors(queries, documents, self._found, labels)
        loss = queries.new_zeros(())
        for term in self.terms:
            loss = loss + term.weight * term(batch)
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss
