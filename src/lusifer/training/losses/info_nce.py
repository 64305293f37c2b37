"""InfoNCE over a batch of any size: the scores are made a few rows at a time, and their gradients
with them.

Method: as in Inf-CL (arXiv 2410.17243) and Liger's fused cross-entropy, no B x B matrix is ever
kept: each chunk of rows is scored against all candidates, its softmax becomes the gradient in
position, and both are dropped. Memory O(B d + chunk B) instead of O(B^2); the matrix products are the
plain loss's, none made twice. With it: terms between queries and between documents, a mask over
false negatives (Qwen3-Embedding, arXiv 2506.05176: what scores above the positive + `mask`, or is
the same text) and an additive margin (LaBSE, arXiv 2007.01852). Not for batches of a few hundred:
there the plain loss is as good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from sentence_transformers.util import all_gather, all_gather_with_grad, get_rank, get_world_size

from lusifer.training.losses.pair_terms import Keys, PairTerm, PairVectors

Direction = Literal["query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc"]
ROWS = 1024  # whose gradients are made at a time
DIRECTIONS: tuple[Direction, ...] = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")


@dataclass(frozen=True)
class InfoNCE(PairTerm):
    """What is contrasted with what; names as in sentence-transformers.

    `mask` leaves out negatives whose cosine is above the positive's by more; null keeps them.
    `margin` is subtracted from the positive's cosine. `joint` normalises over all directions
    together, `per_direction` each by itself.
    """

    temperature: float = 0.02
    margin: float = 0.0
    mask: float | None = 0.1
    directions: tuple[Direction, ...] = ("query_to_doc",)
    partition: Literal["joint", "per_direction"] = "joint"
    chunk: int = 256
    kind: Literal["info_nce"] = "info_nce"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0:
            raise ValueError("temperature must be above 0")
        if self.chunk < 1:
            raise ValueError("chunk must be at least 1 row")
        if "query_to_doc" not in self.directions or len(set(self.directions)) < len(
            self.directions
        ):
            raise ValueError(
                f"directions must hold query_to_doc, and each once, of {', '.join(DIRECTIONS)}"
            )
        if self.partition == "per_direction" and {"query_to_query", "doc_to_doc"} & set(
            self.directions
        ):
            raise ValueError(
                "partition per_direction is for query_to_doc and doc_to_query, which hold the positive"
            )

    def __call__(self, batch: PairVectors) -> torch.Tensor:
        """The mean over this process's rows, against the candidates of all."""
        queries, documents, keys = batch.queries, batch.documents, batch.keys
        first, rows = 0, len(queries)
        if get_world_size() > 1:
            first = get_rank() * rows
            queries = all_gather_with_grad(queries)
            documents = torch.stack([all_gather_with_grad(column) for column in documents])
            keys = keys and Keys(all_gather(keys.queries), all_gather(keys.documents))
        return info_nce(queries, documents, self, keys, first=first, rows=rows)


def info_nce(
    queries: torch.Tensor,
    documents: torch.Tensor,
    settings: InfoNCE,
    keys: Keys | None = None,
    *,
    first: int = 0,
    rows: int | None = None,
) -> torch.Tensor:
    """The mean loss of `rows` rows from `first` on (all without), a scalar.

    `queries` (n, d) and `documents` (1 + k, n, d), the positives first, are unit vectors: of all
    processes, of which this one takes its own rows. `keys` mark texts that are no negatives of each
    other.
    """
    wanted: Any = _Chunked.apply
    loss: torch.Tensor = wanted(
        queries, documents, settings, keys, first, len(queries) if rows is None else rows
    )
    return loss


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: torch.Tensor,
        documents: torch.Tensor,
        settings: InfoNCE,
        keys: Keys | None,
        first: int,
        rows: int,
    ) -> torch.Tensor:
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        with torch.autocast(queries.device.type, enabled=False):
            loss, grads = _loss(
                queries, documents.flatten(0, 1), settings, keys, (first, rows), wanted=wanted
            )
        ctx.save_for_backward(*grads)
        ctx.shape = documents.shape
        return loss

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        d_queries, d_documents = ctx.saved_tensors
        if (
            grad.device.type == "cpu" and float(grad) == 1
        ):  # as ever, unless something scales the loss: no copies
            return d_queries, d_documents.view(ctx.shape), None, None, None, None
        return grad * d_queries, grad * d_documents.view(ctx.shape), None, None, None, None


def unit_rows(x: torch.Tensor) -> torch.Tensor:
    """Rows (n, d) made unit vectors, as `F.normalize`; its gradient holds one matrix and not five,
    rows of `ROWS` at a time.
    """
    wanted: Any = _Unit.apply
    found: torch.Tensor = wanted(x)
    return found


class _Unit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min_(1e-12)
        unit: torch.Tensor = x / norm
        ctx.save_for_backward(unit, norm)
        return unit

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        unit, norm = ctx.saved_tensors
        found = torch.empty_like(grad)
        for start in range(0, len(grad), ROWS):
            own = slice(start, start + ROWS)
            along = (grad[own] * unit[own]).sum(-1, keepdim=True)
            torch.div(grad[own] - along * unit[own], norm[own], out=found[own])
        return found


def _loss(
    queries: torch.Tensor,
    documents: torch.Tensor,
    settings: InfoNCE,
    keys: Keys | None,
    part: tuple[int, int],
    *,
    wanted: bool,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The loss, and if `wanted` its gradients by queries and documents (both flat)."""
    first, rows = part
    grads = [torch.zeros_like(queries), torch.zeros_like(documents)] if wanted else []
    total = queries.new_zeros(())
    per_direction = settings.partition == "per_direction"
    share = 1 / (settings.temperature * rows)
    for start in range(first, first + rows, settings.chunk):
        own = slice(start, min(start + settings.chunk, first + rows))
        positive = (queries[own] * documents[own]).sum(-1)
        parts = []
        for direction in settings.directions:
            side, other = _sides(direction, queries, documents)
            scores = side[own] @ other.T
            _leave_out(scores, direction, own, len(queries), positive, settings, keys)
            parts.append(scores.div_(settings.temperature))
        partitions = [part.logsumexp(1) for part in parts]
        joint = torch.stack(partitions)
        log_z = joint.mean(0) if per_direction else joint.logsumexp(0)
        total += (log_z - (positive - settings.margin) / settings.temperature).sum() / rows
        if not wanted:
            continue
        for direction, scores, partition in zip(
            settings.directions, parts, partitions, strict=True
        ):
            side, other = _sides(direction, queries, documents)
            d_side, d_other = _sides(direction, grads[0], grads[1])
            scores.sub_(
                (partition if per_direction else log_z)[:, None]
            ).exp_()  # from here on the gradient
            scores.mul_(share / len(parts) if per_direction else share)
            d_side[own].addmm_(scores, other)
            d_other.addmm_(scores.T, side[own])
        grads[0][own].sub_(documents[own], alpha=share)
        grads[1][own].sub_(queries[own], alpha=share)
    return total, grads


def _sides(
    direction: Direction, queries: torch.Tensor, documents: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Whose rows, and the candidates. Row i of the documents is query i's positive."""
    return queries if direction.startswith("query") else documents, queries if direction.endswith(
        "query"
    ) else documents


def _leave_out(
    scores: torch.Tensor,
    direction: Direction,
    own: slice,
    n: int,
    positive: torch.Tensor,
    settings: InfoNCE,
    keys: Keys | None,
) -> None:
    """Set to -inf what is no negative, and subtract the margin from the positive, in place."""
    rows = torch.arange(own.start, own.stop, device=scores.device)
    column = rows[:, None]
    holds_positive = direction in ("query_to_doc", "doc_to_query")
    if settings.mask is not None:
        scores.masked_fill_(scores > (positive + settings.mask)[:, None], float("-inf"))
    if keys is not None:
        queries, documents = keys.queries, keys.documents
        same = queries[own, None] == queries[None, :]
        if direction.endswith("query"):
            same |= documents[own, :1] == documents[None, :, 0]
            scores.masked_fill_(same, float("-inf"))
        else:
            for k, block in enumerate(
                torch.split(scores, n, dim=1)
            ):  # the positives, then each row's k-th negatives
                alike = documents[own, :1] == documents[None, :, k]
                if k == 0:
                    alike |= same
                block.masked_fill_(alike, float("-inf"))
    if holds_positive:
        scores.scatter_(1, column, (positive - settings.margin)[:, None])
    else:
        for k in range(scores.shape[1] // n):
            scores.scatter_(1, column + k * n, float("-inf"))
