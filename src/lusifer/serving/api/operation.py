"""What who runs the server asks: is it there, how is it doing, what does it speak."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from lusifer.serving.service import Service


def router(service: Service) -> APIRouter:
    """`/health`, `/ping` and `/metrics`."""
    routes = APIRouter(tags=["Operation"])

    @routes.get("/health", summary="200 while the server answers")
    @routes.get("/ping", include_in_schema=False)
    async def health() -> Response:
        return Response(b"{}", media_type="application/json")

    @routes.get("/metrics", summary="Figures for Prometheus")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return routes


def add_docs(app: FastAPI) -> None:
    """The page of the OpenAPI schema at `/docs`, its script and style from an installed package, so
    that no other machine is asked.
    """
    import swagger_ui_bundle

    folder = Path(swagger_ui_bundle.__file__).parent
    files = next(folder.rglob("swagger-ui-bundle.js")).parent
    app.mount("/docs/files", StaticFiles(directory=files), name="docs")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{app.title}: API",
            swagger_js_url="/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/docs/files/swagger-ui.css",
            swagger_favicon_url="/docs/files/favicon-32x32.png",
        )
