"""Models are named, loaded when asked for, unloaded when idle; one that cannot be loaded is told of
and tried again.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lusifer.errors import LusiferError, ModelError
from lusifer.models.load import LoadedModel
from lusifer.serving.faults import Fault
from lusifer.serving.shelf import Ready, Shelf, Slot, model_shelf, named_places, reranker_shelf
from tests.conftest import TEXTS


def test_names_of_places() -> None:
    given = [
        "default",
        "/models/big/",
        "hub/id",
        "mine=./a/b",
        "./here",
        "https://host/v1#far",
        "t=https://h/v1",
    ]
    assert named_places(given, "-m") == {
        "default": "default", "big": "/models/big/", "hub/id": "hub/id", "mine": "./a/b", "here": "./here",
        "far": "https://host/v1#far", "t": "https://h/v1",
    }  # fmt: skip
    with pytest.raises(LusiferError, match="two are named a"):
        named_places(["x/y/a", "a=b"], "-m")
    with pytest.raises(LusiferError, match="write a model"):
        named_places(["a="], "-m")


def test_loaded_once_and_unloaded_when_idle(table: Path) -> None:
    async def work() -> None:
        shelf = model_shelf([f"tiny={table}"])
        slot = shelf.find("tiny")
        assert shelf.find(None) is slot
        assert slot.loaded is None
        first, second = await asyncio.gather(slot.get(), slot.get())
        assert first is second
        with slot.held():
            assert not slot.unload_if_idle(0), "not while it is in use"
        assert not slot.unload_if_idle(1000)
        assert slot.unload_if_idle(0)
        assert slot.loaded is None
        assert (await slot.get()).model.hash == first.model.hash

    asyncio.run(work())


def test_a_model_that_cannot_be_loaded_is_tried_again() -> None:
    tries = []

    def load(place: str) -> str:
        tries.append(place)
        if len(tries) == 1:
            raise ModelError("the disk was away")
        return "loaded"

    async def work() -> None:
        slot = Slot("m", "/m", load)
        with pytest.raises(
            Fault, match="the model m cannot be loaded: the disk was away"
        ) as caught:
            await slot.get()
        assert caught.value.status == 503
        assert await slot.get() == "loaded"

    asyncio.run(work())


def test_unknown_and_none_served() -> None:
    with pytest.raises(Fault, match="no reranker is served; start the server with --rerank"):
        reranker_shelf([]).find(None)
    shelf = Shelf("embedding model", "-m", [Slot("a", "a", str), Slot("b", "b", str)])
    with pytest.raises(
        Fault, match="no embedding model named 'c' is served; served: a, b"
    ) as caught:
        shelf.find("c")
    assert caught.value.status == 404


def test_tokens_are_counted_as_the_model_reads_them(table: Path) -> None:
    ready = Ready.load(str(table))
    lengths = ready.lengths([TEXTS[0], TEXTS[0] * 500, ""], None)
    assert 0 < lengths[0] < ready.longest < lengths[1]
    assert lengths[2] == 2, "its special tokens"
    far = Ready(LoadedModel("x", "x", ready.model.embedder), None)
    assert far.lengths(["x" * 40], None) == [10]


def test_a_load_goes_on_where_those_who_waited_have_gone() -> None:
    loads = []

    def load(place: str) -> str:
        loads.append(place)
        time.sleep(0.5)
        return "loaded"

    async def work() -> None:
        slot = Slot("m", "/m", load)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(slot.get(), 0.1)
        assert await slot.get() == "loaded"
        slot.pinned = True
        assert not slot.unload_if_idle(0)

    asyncio.run(work())
    assert loads == ["/m"]
