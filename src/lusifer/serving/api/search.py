"""Search of the index: `/v1/search`, `/v1/similar`, `/v1/passages` and `/v1/index`."""

from __future__ import annotations

import dataclasses
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from lusifer.search import Filter, Hit
from lusifer.serving.api.inputs import Body, answer
from lusifer.serving.faults import Fault
from lusifer.serving.service import Service

if TYPE_CHECKING:
    from lusifer.models import Reranker
    from lusifer.search import Index

MOST = 1000  # hits of one request
LONGEST = 20_000  # characters of a question, each word of which is looked up


class Where(Body):
    """What may be found."""

    languages: list[str] = Field(default=[], description="ISO 639 codes, e.g. de, jpn or deu_Latn.")
    path: str | None = Field(default=None, description="Part of a path, or a glob.")
    since: date | None = Field(default=None, description="Files changed on this day or later.")

    def filter(self) -> Filter:
        """As the index takes it."""
        return Filter(tuple(self.languages), self.path or None, self.since)


class SearchRequest(Where):
    """A question to the index."""

    query: str
    top_k: int = Field(default=10, ge=1, le=MOST)
    mode: Literal["hybrid", "dense", "text", "tokens"] = "hybrid"
    prompt_name: str = Field(default="query", description="How the question is asked.")
    rerank: str | bool = Field(
        default=False, description="true, or the name of a reranker of this server."
    )


class SimilarRequest(Body):
    """A passage whose like is looked for, by what a hit says of it."""

    path: str
    number: int = Field(ge=0)
    top_k: int = Field(default=10, ge=1, le=MOST)
    where: Where = Where()


async def found(service: Service, asked: SearchRequest) -> list[Hit]:
    """The hits of a question, reranked where that is asked for. Raises Fault."""
    service.check_texts([asked.query], "query")
    if len(asked.query) > LONGEST:
        raise Fault(
            413, f"query has {len(asked.query):,} characters; {LONGEST:,} are read", "too_long"
        )

    def work(index: Index, reranker: Reranker | None = None) -> list[Hit]:
        return index.search(
            asked.query,
            top_k=asked.top_k,
            mode=asked.mode,
            where=asked.filter(),
            prompt=asked.prompt_name,
            reranker=reranker,
        )

    if asked.rerank:
        slot = service.rerankers.find(asked.rerank if isinstance(asked.rerank, str) else None)
        with slot.held():  # while it sorts it is not unloaded
            sorting = partial(work, reranker=await slot.get())
            hits = await service.with_index(f"search and {slot.name}", sorting)
    else:
        hits = await service.with_index("search", work)
    service.metrics.searches.inc()
    return hits


async def alike(service: Service, path: str, number: int, top_k: int, where: Filter) -> list[Hit]:
    """The hits most like a passage. Raises Fault."""

    def work(index: Index) -> list[Hit]:
        return index.similar(path, number, top_k=top_k, where=where)

    return await service.with_index("search", work)


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["Search"])

    @routes.post("/v1/search", summary="Passages for a question, in any language")
    async def search(asked: SearchRequest, request: Request) -> Response:
        hits = await found(service, asked)
        request.scope["lusifer"] |= {"hits": len(hits)}
        return answer({"hits": [_shown(hit) for hit in hits]})

    @routes.post("/v1/similar", summary="Passages like one of the index")
    async def similar(asked: SimilarRequest) -> Response:
        where = asked.where.filter()
        hits = await alike(service, asked.path, asked.number, asked.top_k, where)
        return answer({"hits": [_shown(hit) for hit in hits]})

    @routes.get("/v1/passages", summary="A passage with its neighbours")
    async def passages(
        path: str,
        number: Annotated[int, Query(ge=0)],
        before: Annotated[int, Query(ge=0, le=MOST)] = 1,
        after: Annotated[int, Query(ge=0, le=MOST)] = 1,
    ) -> Response:
        def work(index: Index) -> list[Any]:
            return index.around(path, number, before=before, after=after)

        rows = await service.with_index("passages", work)
        return answer({"passages": [dataclasses.asdict(row) for row in rows]})

    @routes.get("/v1/index", summary="What the index holds")
    async def about() -> Response:
        def work(index: Index) -> dict[str, Any]:
            return {
                "version": index.version,
                "passages": len(index),
                "files": len(index.list_files()),
                "languages": index.languages(),
                "model": index.model.name.rpartition("/")[2],
                "dimensions": index.embedder.dim,
            }

        return answer(await service.with_index("passages", work))

    return routes


def _shown(hit: Hit) -> dict[str, Any]:
    return dataclasses.asdict(hit) | {"best": list(hit.best)}
