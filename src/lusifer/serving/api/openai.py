"""OpenAI's API: `/v1/embeddings` and `/v1/models`, which its own package, LangChain, LlamaIndex,
Haystack and LanceDB speak.

Beside OpenAI's keys a request may have `input_type` or `prompt_name`, which choose one of the
model's prompts.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import Field

from lusifer.serving.api.inputs import Body, Inputs, answer
from lusifer.serving.api.vectors import embedded
from lusifer.serving.service import Service


class EmbeddingRequest(Body):
    """A request for vectors."""

    input: Inputs = Field(description="A text, texts, or ids of the model's own tokenizer.")
    model: str | None = Field(
        default=None, description="A model of this server; the first without it."
    )
    dimensions: int | None = Field(
        default=None, description="Keep so many of a vector's first numbers."
    )
    encoding_format: Literal["float", "base64"] = "float"
    input_type: str | None = Field(
        None, description="query or document: the model's prompt for it."
    )
    prompt_name: str | None = Field(default=None, description="One of the model's prompts.")


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.post("/v1/embeddings", summary="Vectors of texts")
    async def embeddings(asked: EmbeddingRequest, request: Request) -> Response:
        name, found = await embedded(
            service,
            asked.model,
            asked.input,
            dimensions=asked.dimensions,
            prompt=asked.prompt_name,
            input_type=asked.input_type,
        )
        request.scope["lusifer"] |= {
            "model": name,
            "texts": len(found.vectors),
            "tokens": found.tokens,
        }
        rows = [
            {"object": "embedding", "index": index, "embedding": row}
            for index, row in enumerate(_written(found.vectors, asked.encoding_format))
        ]
        usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
        return answer({"object": "list", "data": rows, "model": name, "usage": usage})

    @routes.get("/v1/models", summary="The models that are served")
    async def models() -> Response:
        return answer({"object": "list", "data": [_model(slot) for slot in _all(service)]})

    @routes.get("/v1/models/{name:path}", summary="One of them")
    async def model(name: str) -> Response:
        known = {slot.name: slot for slot in _all(service)}
        return answer(_model(known.get(name) or service.models.find(name)))

    return routes


def _written(vectors: Any, form: str) -> Any:
    if form == "float":
        return vectors
    little = np.ascontiguousarray(vectors, dtype="<f4")
    return [base64.b64encode(row.tobytes()).decode() for row in little]


def _all(service: Service) -> list[Any]:
    return [*service.models, *service.rerankers]


def _model(slot: Any) -> dict[str, Any]:
    return {"id": slot.name, "object": "model", "created": slot.created, "owned_by": "lusifer"}
