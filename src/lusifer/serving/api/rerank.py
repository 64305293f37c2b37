"""Reranking as Jina's and Cohere's clients ask for it: `/v1/rerank` and `/v2/rerank`."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import Field

from lusifer.serving.api.inputs import Body, Documents, answer
from lusifer.serving.service import Service


class RerankRequest(Body):
    """A query and documents to sort by it."""

    query: str
    documents: Documents
    model: str | None = Field(
        default=None, description="A reranker of this server; the first without it."
    )
    top_n: int | None = Field(default=None, ge=1, description="The best so many alone.")
    return_documents: bool = False


@dataclass(frozen=True)
class Ranked:
    """A document's place in the request, and its score."""

    index: int
    score: float


def ranked(scores: Sequence[float], *, bounded: bool) -> list[Ranked]:
    """Documents by score, the best first and equal ones in their order.

    Args:
        scores: one a document.
        bounded: as they are; else scores of any size become 0 to 1 by the logistic function, as TEI,
            Jina and Cohere give them.
    """
    if not bounded:
        scores = [1 / (1 + math.exp(-max(-60.0, min(60.0, score)))) for score in scores]
    order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    return [Ranked(index, scores[index]) for index in order]


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["Rerank"])

    @routes.post("/v1/rerank", summary="Documents sorted by a query")
    @routes.post("/v2/rerank", include_in_schema=False)
    async def rerank(asked: RerankRequest, request: Request) -> Response:
        found = await service.rerank(asked.model, asked.query, asked.documents)
        request.scope["lusifer"] |= {"model": found.name, "texts": len(found.scores)}
        results = []
        for row in ranked(found.scores, bounded=found.bounded)[: asked.top_n]:
            shown: dict[str, object] = {"index": row.index, "relevance_score": row.score}
            if asked.return_documents:
                shown["document"] = {"text": asked.documents[row.index]}
            results.append(shown)
        return answer(
            {
                "id": str(uuid.uuid4()),
                "model": found.name,
                "results": results,
                "meta": {"billed_units": {"search_units": 1}},
            }
        )

    return routes
