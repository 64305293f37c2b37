"""The page's routes: search, similar passages, a passage in its file, the map, and uploads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from lusifer.insight import groups_of, on_a_plane, without_language
from lusifer.search import Filter, Hit
from lusifer.serving.api.inputs import answer
from lusifer.serving.api.search import MOST, SearchRequest, alike, found
from lusifer.serving.faults import Fault
from lusifer.serving.page.uploads import Uploads
from lusifer.serving.service import Service
from lusifer.text import UNKNOWN, short_name

if TYPE_CHECKING:
    from jinja2 import Environment

    from lusifer.search import Index

ASSETS = Path(__file__).parents[2] / "assets" / "page"
MODES = {"hybrid": "meaning and words", "dense": "meaning", "text": "words"}
SHOWN, AROUND = 10, 3
POINTS, GROUPS, COLOURS = 2000, 10, 12
SHORT = 90  # letters of a passage on the map
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Asked:
    """The address's fields, as they were typed."""

    q: str = ""
    language: str = ""
    path: str = ""
    since: str = ""
    mode: str = "hybrid"
    rerank: str = ""
    like: str = ""
    number: str = ""
    top: str = str(SHOWN)

    @classmethod
    def of(cls, fields_: Mapping[str, str]) -> Asked:
        """Those that are known; others are no error, links carry all kinds."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in fields_.items() if name in names})

    @property
    def filtered(self) -> bool:
        """Whether a filter, or another mode than the usual, is set."""
        return bool(
            self.language or self.path or self.since or self.rerank or self.mode != "hybrid"
        )

    @property
    def size(self) -> int:
        """How many hits."""
        number = self.top.isdecimal() and len(self.top) < 10
        return max(1, min(MOST, int(self.top))) if number else SHOWN

    def filter(self) -> Filter:
        """As the index takes it. Raises Fault for a day that is none."""
        since = None
        if self.since:
            try:
                since = date.fromisoformat(self.since)
            except ValueError:
                raise Fault(400, f"{self.since[:40]!r} is no day; write 2026-01-31") from None
        languages = (self.language,) if self.language else ()
        return Filter(languages, self.path or None, since)

    def address(self, **changes: Any) -> str:
        """The same question with other fields, as the end of an address."""
        values = {field.name: getattr(self, field.name) for field in fields(self)} | changes
        usual = {field.name: field.default for field in fields(self)}
        return urlencode({k: v for k, v in values.items() if v and v != usual[k]})


def add_page(app: FastAPI, service: Service, uploads: Path | None) -> None:
    """Put the page of a service's index on an application."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS / "templates"), autoescape=True, trim_blocks=True
    )
    taken = None
    if uploads:
        assert service.index is not None
        taken = Uploads(uploads, service.index, service.ending)
        service.at_start.append(taken.resume)
    page = _Page(service, environment, taken)
    app.mount("/page", StaticFiles(directory=ASSETS / "static"), name="page")
    plain: dict[str, Any] = {"include_in_schema": False, "response_class": HTMLResponse}
    app.get("/", **plain)(page.search)
    app.get("/passage", **plain)(page.passage)
    app.get("/map", **plain)(page.map)
    if taken:
        app.post("/upload", **plain)(page.upload)
        app.get("/upload/state", include_in_schema=False)(page.upload_state)


class _Page:
    """The routes with what they share."""

    def __init__(self, service: Service, environment: Environment, uploads: Uploads | None) -> None:
        self.service, self.environment, self.uploads = service, environment, uploads
        self._about: tuple[Any, dict[str, Any]] = (None, {})
        self._map: tuple[Any, Any] = (None, None)

    async def search(self, request: Request) -> Response:
        """The question and its hits; with `part=results` the hits alone."""
        asked = Asked.of(request.query_params)
        shown: dict[str, Any] = {"hits": None, "error": "", "like": None, "more": ""}
        status, began = 200, time.perf_counter()
        try:
            shown |= await self._hits(asked)
        except Fault as fault:
            if fault.status >= 429:
                raise
            status, shown["error"] = fault.status, fault.message
        shown["took"] = round(1000 * (time.perf_counter() - began)) if shown["hits"] else 0
        part = request.query_params.get("part") == "results"
        shown |= {
            "asked": asked,
            "modes": MODES,
            "rerankers": len(self.service.rerankers),
            "uploads": self.uploads,
            "upload_state": self.uploads.said if self.uploads else "",
            "largest": f"{self.service.limits.upload >> 20} MB",
        }
        return await self._html("results.html" if part else "search.html", "search", shown, status)

    async def _hits(self, asked: Asked) -> dict[str, Any]:
        if asked.like:
            number = int(asked.number) if asked.number.isdecimal() and len(asked.number) < 12 else 0
            like = (await self._around(asked.like, number, 0, 0))[0]
            hits = await alike(self.service, asked.like, number, asked.size, asked.filter())
            return {"like": like} | _listed(hits, asked)
        if not asked.q.strip():
            return {}
        where = asked.filter()
        question = SearchRequest(
            query=asked.q,
            top_k=asked.size,
            mode=asked.mode if asked.mode in MODES else "hybrid",  # type: ignore[arg-type]
            languages=list(where.languages),
            path=where.path,
            since=where.since,
            rerank=bool(asked.rerank),
        )
        hits = await found(self.service, question)
        return _listed(hits, asked)

    async def passage(self, request: Request) -> Response:
        """A passage with those around it."""
        path = request.query_params.get("path", "")
        given = request.query_params.get("number", "0")
        number = int(given) if given.isdecimal() and len(given) < 12 else 0
        shown: dict[str, Any] = {"passages": [], "error": "", "path": path, "number": number}
        shown |= {"name": PurePath(path).name, "earlier": None, "later": None}
        status = 200
        try:
            rows = await self._around(path, number, AROUND, AROUND + 1)
        except Fault as fault:
            if fault.status >= 429:
                raise
            status, shown["error"] = 404, fault.message
        else:
            if rows[0].number > 0:
                before = max(0, number - 2 * AROUND)
                shown["earlier"] = urlencode({"path": path, "number": before})
            if rows[-1].number == number + AROUND + 1:
                rows.pop()
                shown["later"] = urlencode({"path": path, "number": number + AROUND + 1})
            shown["passages"] = rows
        return await self._html("passage.html", "", shown, status)

    async def map(self, request: Request) -> Response:
        """All passages, or a sample, on a plane."""
        by = "group" if request.query_params.get("by") == "group" else "language"
        points = await self._once_a_version("_map", self._drawn)
        shown: dict[str, Any] = {"by": by, "other": "group" if by == "language" else "language"}
        names = [point["language" if by == "language" else "cluster"] for point in points]
        counts: dict[str, int] = {}
        for name in names:
            counts[name] = counts.get(name, 0) + 1
        order = sorted(counts, key=lambda name: (-counts[name], name))
        colour = {name: min(rank, COLOURS - 1) for rank, name in enumerate(order)}
        shown["points"] = [
            point | {"colour": colour[name], "group": name}
            for point, name in zip(points, names, strict=True)
        ]
        shown["legend"] = [(name, colour[name], counts[name]) for name in order]
        return await self._html("map.html", "map", shown)

    async def upload(self, request: Request) -> Response:
        """Take files, then show the page that follows their indexing."""
        assert self.uploads
        async with request.form() as form:
            files = [part for part in form.getlist("files") if not isinstance(part, str)]
            await self.uploads.take([(file.filename or "", await file.read()) for file in files])
        return RedirectResponse("/", status_code=303)

    async def upload_state(self) -> Response:
        """How far the newest upload is."""
        assert self.uploads
        return answer({"said": self.uploads.said, "busy": self.uploads.busy})

    async def _around(self, path: str, number: int, before: int, after: int) -> list[Any]:
        def work(index: Index) -> list[Any]:
            return index.around(path, number, before=before, after=after)

        return await self.service.with_index("passages", work)

    async def _html(
        self, template: str, here: str, values: dict[str, Any], status: int = 200
    ) -> Response:
        about = await self._once_a_version("_about", self._count)
        text = self.environment.get_template(template).render(
            values | {"about": about, "here": here, "names": language_name, "counted": counted}
        )
        return HTMLResponse(text, status, SECURITY)

    async def _once_a_version(self, name: str, make: Callable[[Index], Any]) -> Any:
        """What `make` gives for the index as it is, made anew when the index has changed."""

        def work(index: Index) -> Any:
            now = (index, index.version)
            known, value = getattr(self, name)
            if known != now:
                value = make(index)
                setattr(self, name, (now, value))
            return value

        return await self.service.with_index(name, work)

    @staticmethod
    def _count(index: Index) -> dict[str, Any]:
        return {
            "passages": len(index),
            "files": len(index.list_files()),
            "languages": index.languages(),
        }

    @staticmethod
    def _drawn(index: Index) -> list[dict[str, Any]]:
        sample = index.sample(POINTS)
        languages = [passage.language for passage in sample.passages]
        vectors = without_language(sample.vectors, languages)
        points, groups = on_a_plane(vectors), groups_of(vectors, GROUPS)
        return [
            {
                "x": round(20 + 960 * float(x), 1),
                "y": round(20 + 600 * (1 - float(y)), 1),
                "language": language_name(passage.language),
                "cluster": f"group {group + 1}",
                "text": passage.text[:SHORT],
                "context": urlencode({"path": passage.path, "number": passage.number}),
            }
            for passage, (x, y), group in zip(sample.passages, points, groups, strict=True)
        ]


def _listed(hits: list[Hit], asked: Asked) -> dict[str, Any]:
    more = asked.address(top=asked.size + SHOWN) if len(hits) == asked.size < MOST else ""
    return {"hits": [_shown(hit) for hit in hits], "more": more}


def counted(number: int, what: str) -> str:
    """A number with its noun."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def language_name(code: str) -> str:
    """A language by its English name."""
    return "not told" if code == UNKNOWN else short_name(code)


def _shown(hit: Hit) -> dict[str, Any]:
    start, end = hit.best
    return {
        "cosine": hit.cosine,
        "path": hit.path,
        "name": PurePath(hit.path).name,
        "unit": hit.unit,
        "position": hit.position,
        "language": hit.language,
        "language_name": language_name(hit.language),
        "before": hit.text[:start],
        "marked": hit.text[start:end],
        "after": hit.text[end:],
        "similar": urlencode({"like": hit.path, "number": hit.number}),
        "context": urlencode({"path": hit.path, "number": hit.number}),
    }
