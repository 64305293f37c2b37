"""The application: every route, with the guard before them."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lusifer.errors import LusiferError, MissingExtra
from lusifer.models import DEFAULT
from lusifer.serving.settings import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

    from lusifer.models import LoadedModel
    from lusifer.search import Index
    from lusifer.serving.service import Service

log = logging.getLogger(__name__)
ABOUT = """Multilingual embeddings, reranking and search.
`/v1/embeddings` is OpenAI's, `/embed` and `/rerank` are TEI's, `/v1/rerank` is Jina's and Cohere's."""


def create_app(
    models: str | Sequence[str] = DEFAULT,
    *,
    index: str | Path | None = None,
    rerank: str | Sequence[str] = (),
    limits: Limits | None = None,
    keys: frozenset[str] = frozenset(),
    hosts: frozenset[str] = frozenset(),
    origins: frozenset[str] = frozenset(),
    uploads: str | Path | None = None,
    device: str | None = None,
    bf16: bool = False,
) -> FastAPI:
    """The server as an ASGI application, for uvicorn or any other ASGI server.

    Args:
        models: names of models as for `lusifer.load`, or `NAME=` before one; a request that names
            none gets the first.
        index: an index's folder: it is searched at `/v1/search`, and by a page at `/`.
        rerank: rerankers, named as models are.
        limits: what one request may ask, how long the queue may be, and the like.
        keys: API keys that are let in; none lets everyone in.
        hosts: names under which the server may be asked for; none means any.
        origins: other sites whose pages may ask.
        uploads: a folder for files that the page's users send into the index; without it none are
            taken.
        device: torch's name of one for every model, e.g. `cuda`; without it the best there is.
        bf16: compute in bfloat16, where torch computes.

    Returns:
        A FastAPI application, whose `state.service` holds its parts.

    Raises:
        LusiferError: where the first model or the index cannot be opened, or a name is there twice.
        MissingExtra: where the extra `serve` is not installed.
    """
    try:
        import fastapi
        import orjson  # noqa: F401
        import prometheus_client  # noqa: F401
        from fastapi.middleware.cors import CORSMiddleware
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "fastapi", "serve") from None
    from lusifer.serving.api import openai, operation, rerank as reranking, tei
    from lusifer.serving.guard import Gate, Guard

    limits, gate = limits or Limits(), Gate(keys, hosts, origins)
    if uploads and index is None:
        raise LusiferError("--uploads needs --index: files are sent to an index")
    service = _service(
        [models] if isinstance(models, str) else models,
        [rerank] if isinstance(rerank, str) else rerank,
        index,
        limits,
        {"device": device, "bf16": bf16},
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = fastapi.FastAPI(
        title="Lusifer", description=ABOUT, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.openapi_version = "3.0.2"  # the newest that the page of the schema draws
    app.state.service = service
    for api in (openai, reranking, tei, operation):
        app.include_router(api.router(service))
    if service.index is not None:
        from lusifer.serving.api import search
        from lusifer.serving.page import routes as page

        app.include_router(search.router(service))
        page.add_page(app, service, Path(uploads) if uploads else None)
    operation.add_docs(app)
    _add_faults(app)
    paths = frozenset(str(getattr(route, "path", "")) for route in _routes(app))
    app.add_middleware(
        Guard,
        limits=limits,
        metrics=service.metrics,
        gate=gate,
        paths=paths,
    )
    # Outside the guard, so that a page of another site can read what the guard refuses.
    if gate.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(gate.origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
        )
    return app


def _routes(app: FastAPI) -> list[Any]:
    found: list[Any] = []
    for route in app.routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        found += inner if inner else [route]
    return found


def _service(
    models: Sequence[str],
    rerankers: Sequence[str],
    index: str | Path | None,
    limits: Limits,
    settings: dict[str, Any],
) -> Service:
    """The parts; the first model is loaded at once, so that a wrong name ends the start."""
    from lusifer.serving.batcher import Batcher
    from lusifer.serving.metrics import Metrics
    from lusifer.serving.service import Service
    from lusifer.serving.shelf import Ready, model_shelf, reranker_shelf

    if not models:
        raise LusiferError("name a model to serve")
    shelf = model_shelf(models, **settings)
    opened: Index | None = None
    first = next(iter(shelf))
    first.loaded, first.used = Ready.load(first.place, **settings), time.monotonic()
    if index is not None:
        opened = _open_index(index, first.loaded.model)
        first.pinned = opened.model is first.loaded.model
    metrics = Metrics()
    return Service(
        limits, metrics, shelf, reranker_shelf(rerankers), Batcher(limits, metrics), opened
    )


def _open_index(index: str | Path, model: LoadedModel) -> Index:
    """An index with the model that is loaded already, if that made it; else with its own."""
    from lusifer.search import Index

    try:
        return Index.open(index, model)
    except LusiferError as error:
        log.debug("%s is not opened with the first model served: %s", index, error)
    return Index.open(index)


def _add_faults(app: FastAPI) -> None:
    """Every error of a route in one line, in the form of its API."""
    from fastapi import Response
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    from lusifer.serving.faults import Fault

    def shown(request: Request, fault: Fault) -> Response:
        body, headers = fault.answer(request.url.path, request.headers.get("accept", ""))
        return Response(body, fault.status, headers)

    async def of_fault(request: Request, error: Exception) -> Response:
        assert isinstance(error, Fault)
        return shown(request, error)

    async def of_body(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return shown(request, Fault(400, _said(error.errors()), "invalid_request"))

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        what = {
            404: f"there is no {path[:100]} here; /docs lists what is",
            405: f"{path[:100]} takes no {request.method}; /docs says what it takes",
        }
        said = what.get(error.status_code, error.detail)
        return shown(request, Fault(error.status_code, said, more=error.headers))

    app.add_exception_handler(Fault, of_fault)
    app.add_exception_handler(RequestValidationError, of_body)
    app.add_exception_handler(HTTPException, of_http)


def _said(errors: Sequence[Any]) -> str:
    """The first thing that is wrong with a body, and where."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"][1:])  # the first says body, query or path
    what = first["msg"].removeprefix("Value error, ")
    if not where:
        return "send a JSON object with Content-Type: application/json"
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {what[:1].lower()}{what[1:200]}"
