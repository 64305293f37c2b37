"""A service answers what its models can, and refuses the rest by name."""

from __future__ import annotations

import asyncio

import pytest

from lusifer.errors import LusiferError
from lusifer.serving.batcher import Batcher
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.service import Service, as_faults
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready, Shelf, Slot
from tests.serving.conftest import Paced, vector_of


def service_of(ready: Ready, **limits: int) -> Service:
    limit, metrics = Limits(**limits), Metrics()
    models = Shelf("embedding model", "-m", [Slot("m", "m", lambda place: ready)])
    rerankers = Shelf(
        "reranker",
        "--rerank",
        [Slot("r", "r", lambda place: lambda pairs: [float(len(b)) for _, b in pairs])],
    )
    return Service(limit, metrics, models, rerankers, Batcher(limit, metrics))


def test_prompts_and_pairs(ready: Ready, paced: Paced) -> None:
    service = service_of(ready)

    async def work() -> None:
        async with service.running():
            name, found = await service.embed(None, ["a"], input_type="search_query")
            assert name == "m"
            assert (found.vectors[0] == vector_of("a", "query")).all()
            _, scores = await service.rerank(None, "q", ["x" * i for i in range(100)])
            assert scores == [float(i) for i in range(100)]

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
