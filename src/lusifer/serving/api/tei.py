"""The API of Text Embeddings Inference: `/embed`, `/rerank`, `/info`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from lusifer.serving.api.inputs import Body, Documents, Inputs, answer
from lusifer.serving.api.rerank import ranked
from lusifer.serving.api.vectors import embedded
from lusifer.serving.faults import Fault
from lusifer.serving.service import Service
from lusifer.version import __version__


class EmbedRequest(Body):
    """A request for vectors."""

    inputs: Inputs = Field(description="A text, texts, or ids of the model's own tokenizer.")
    prompt_name: str | None = Field(default=None, description="One of the model's prompts.")
    dimensions: int | None = Field(
        default=None, description="Keep so many of a vector's first numbers."
    )
    normalize: bool = Field(default=True, description="Must be true: vectors have length 1.")
    truncate: bool = Field(
        default=True, description="false refuses texts that are longer than the model."
    )
    model: str | None = Field(
        default=None, description="A model of this server; the first without it."
    )


class TeiRerankRequest(Body):
    """A request for scores."""

    query: str
    texts: Documents
    raw_scores: bool = Field(
        default=False, description="Scores as the model gives them, not from 0 to 1."
    )
    return_text: bool = False
    truncate: bool = Field(
        default=True, description="false refuses pairs that are longer than the reranker."
    )
    model: str | None = Field(
        default=None, description="A reranker of this server; the first without it."
    )


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["TEI"])

    @routes.post("/embed", summary="Vectors of texts")
    async def embed(asked: EmbedRequest, request: Request) -> Response:
        if not asked.normalize:
            raise Fault(400, "normalize is false; vectors of this server have length 1")
        name, found = await embedded(
            service,
            asked.model,
            asked.inputs,
            dimensions=asked.dimensions,
            prompt=asked.prompt_name,
            what="inputs",
            cut=asked.truncate,
        )
        request.scope["lusifer"] |= {
            "model": name,
            "texts": len(found.vectors),
            "tokens": found.tokens,
        }
        return answer(found.vectors)

    @routes.post("/rerank", summary="Scores of texts for a query")
    async def rerank(asked: TeiRerankRequest, request: Request) -> Response:
        found = await service.rerank(
            asked.model, asked.query, asked.texts, what="texts", cut=asked.truncate
        )
        request.scope["lusifer"] |= {"model": found.name, "texts": len(found.scores)}
        rows = ranked(found.scores, bounded=found.bounded or asked.raw_scores)
        shown: list[dict[str, Any]] = [{"index": row.index, "score": row.score} for row in rows]
        if asked.return_text:
            shown = [row | {"text": asked.texts[row["index"]]} for row in shown]
        return answer(shown)

    @routes.get("/info", summary="The first model and the limits")
    async def info() -> Response:
        slots = list(service.models)
        slot = slots[0] if slots else next(iter(service.rerankers))
        longest: int | None = None
        kind: dict[str, Any] = {"embedding" if slots else "reranker": {}}
        if slots:
            ready = await slots[0].get()
            longest = ready.model.embedder.max_tokens or None
        return answer(
            {
                "model_id": slot.name,
                "model_type": kind,
                "max_input_length": longest,
                "max_batch_tokens": service.limits.batch_tokens,
                "max_client_batch_size": service.limits.texts,
                "auto_truncate": True,
                "version": __version__,
            }
        )

    return routes
