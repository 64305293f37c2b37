"""A service answers what its models can, and refuses the rest by name."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.models.reranker import LoadedReranker
from lusifer.search.index import Index
from lusifer.serving.batcher import Batcher
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.service import Service, as_faults
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready, Shelf, Slot
from tests.conftest import TEXTS
from tests.serving.conftest import Paced, vector_of


def by_length(pairs: list[tuple[str, str]]) -> list[float]:
    return [float(len(text)) for _, text in pairs]


def service_of(ready: Ready, **limits: int) -> Service:
    limit, metrics = Limits(**limits), Metrics()
    models = Shelf("embedding model", "-m", [Slot("m", "m", lambda place: ready)])
    rerankers = Shelf(
        "reranker",
        "--rerank",
        [Slot("r", "r", lambda place: LoadedReranker(by_length))],
    )
    return Service(limit, metrics, models, rerankers, Batcher(limit, metrics))


def test_prompts_and_pairs(ready: Ready, paced: Paced) -> None:
    service = service_of(ready)

    async def work() -> None:
        async with service.running():
            name, found = await service.embed(None, ["a"], input_type="search_query")
            assert name == "m"
            assert (found.vectors[0] == vector_of("a", "query")).all()
            found = await service.rerank(None, "q", ["x" * i for i in range(100)])
            assert found.scores == [float(i) for i in range(100)]

    asyncio.run(work())
    assert paced.calls == [(["a"], "query")]


def test_texts_that_are_refused(ready: Ready) -> None:
    service = service_of(ready, texts=2)
    for texts, status in (([], 400), (["a"] * 3, 413), (["a", "half \ud83d"], 400)):
        with pytest.raises(Fault) as caught:
            service.check_texts(texts)
        assert caught.value.status == status


def test_what_the_library_refuses_is_the_requests_fault() -> None:
    with pytest.raises(Fault, match="no such") as caught, as_faults():
        raise LusiferError("no such prompt")
    assert caught.value.status == 400


def test_equal_documents_are_scored_once_and_pairs_are_counted(ready: Ready) -> None:
    seen: list[int] = []

    def count(pairs: list[tuple[str, str]]) -> list[float]:
        seen.append(len(pairs))
        return by_length(pairs)

    service = service_of(ready, batch_tokens=15, tokens=200)
    (slot,) = service.rerankers
    slot.load = lambda place: LoadedReranker(count, bounded=True)

    async def work() -> None:
        async with service.running():
            found = await service.rerank(None, "qqqq", ["x" * 36, "y" * 16, "x" * 36] + ["z"] * 3)
            assert found.scores == [36.0, 16.0, 36.0, 1.0, 1.0, 1.0]
            assert found.bounded
            assert seen == [2, 1], "ten tokens, five, one: 15 a part"
            with pytest.raises(Fault, match="210 tokens; a request may have 200") as caught:
                await service.rerank(None, "qqqq", ["x" * 36] * 21)
            assert caught.value.status == 413
            assert (await service.rerank(None, "q", ["x" * 400], cut=False)).scores == [400.0]
            slot.loaded = LoadedReranker(count, max_tokens=50)
            with pytest.raises(Fault, match="texts 0 is, with the query, longer than the 50"):
                await service.rerank(None, "q", ["x" * 400], what="texts", cut=False)

    asyncio.run(work())


def test_an_index_that_is_deleted_and_made_again_is_opened_anew(
    ready: Ready, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(TEXTS[0], encoding="utf-8")
    (tmp_path / "b.txt").write_text(TEXTS[1], encoding="utf-8")
    service = service_of(ready)
    where = tmp_path / "index"

    async def first() -> str:
        hits = await service.with_index("search", lambda index: index.search(TEXTS[0], top_k=1))
        return hits[0].text

    async def work() -> None:
        service.index = Index.create(where, str(table))
        service.index.update(tmp_path / "a.txt")
        async with service.running():
            assert await first() == TEXTS[0]
            shutil.rmtree(where)
            with pytest.raises(Fault) as caught:
                await first()
            assert caught.value.status == 503
            Index.create(where, str(table)).update(tmp_path / "b.txt")
            assert await first() == TEXTS[1]
            Index.create(where, str(table)).update([])
            shutil.rmtree(where)
            Index.create(where, "static")
            with pytest.raises(Fault, match="made by the model") as caught:
                await first()
            assert caught.value.status == 503

    asyncio.run(work())
