"""The queue gives each text the vector it has alone, whatever waits beside it; computes what several
ask for once; lets go of what nobody waits for; and says when it is full.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from lusifer.serving.batcher import Batcher
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready
from tests.serving.conftest import Paced, vector_of


def run(work: Callable[[Batcher], Awaitable[Any]], **limits: Any) -> Any:
    async def all_of_it() -> Any:
        batcher = Batcher(Limits(**limits), Metrics())
        batcher.start()
        try:
            return await asyncio.wait_for(work(batcher), 20)
        finally:
            await batcher.stop()

    return asyncio.run(all_of_it())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_each_text_gets_its_own_vector_in_its_own_order(ready: Ready, paced: Paced) -> None:
    async def work(batcher: Batcher) -> None:
        many = [
            batcher.embed(ready, [f"text {i}", "same", f"text {i}"], "query") for i in range(40)
        ]
        plain = [batcher.embed(ready, [f"text {i}"], None) for i in range(40)]
        found = await asyncio.gather(*many, *plain)
        for i in range(40):
            expected = [vector_of(t, "query") for t in (f"text {i}", "same", f"text {i}")]
            np.testing.assert_array_equal(found[i].vectors, expected)
            np.testing.assert_array_equal(found[40 + i].vectors, [vector_of(f"text {i}", None)])

    run(work)
    asked = [(text, prompt) for texts, prompt in paced.calls for text in texts]
    assert len(asked) == len(set(asked)) == 81, "each text once for each prompt"
    assert len(paced.calls) < 20, "texts that wait together are computed together"


def test_a_batch_holds_so_many_tokens_and_a_longer_text_is_one_alone(
    ready: Ready, paced: Paced
) -> None:
    async def work(batcher: Batcher) -> None:
        await batcher.embed(ready, [f"{i} " + "x" * 14 for i in range(10)], None)  # 4 tokens each

    run(work, batch_tokens=9)
    assert [len(texts) for texts, _ in paced.calls] == [2] * 5


def test_what_is_known_is_not_computed_again(ready: Ready, paced: Paced) -> None:
    async def work(batcher: Batcher) -> None:
        for _ in range(3):
            await batcher.embed(ready, ["a", "b"], None)
        assert batcher.cache.hits == 4

    run(work)
    assert len(paced.calls) == 1


def test_a_request_that_goes_leaves_the_queue_and_the_others_stay(
    ready: Ready, paced: Paced
) -> None:
    async def work(batcher: Batcher) -> None:
        paced.gate.clear()
        first = asyncio.create_task(batcher.embed(ready, ["first"], None))
        await until(lambda: bool(batcher.computing))
        goes = asyncio.create_task(batcher.embed(ready, ["only mine", "ours"], None))
        stays = asyncio.create_task(batcher.embed(ready, ["ours"], None))
        await until(lambda: len(batcher.waiting) == 2)
        goes.cancel()
        await asyncio.gather(goes, return_exceptions=True)
        assert [entry.text for entry in batcher.waiting.values()] == ["ours"]
        paced.gate.set()
        await first
        np.testing.assert_array_equal((await stays).vectors, [vector_of("ours", None)])
        assert batcher.backlog.total == 0

    run(work)
    assert [texts for texts, _ in paced.calls] == [["first"], ["ours"]]


def test_one_bad_text_fails_its_request_alone(ready: Ready, paced: Paced) -> None:
    async def work(batcher: Batcher) -> None:
        paced.gate.clear()
        blocked = asyncio.create_task(batcher.embed(ready, ["first"], None))
        await asyncio.sleep(0.05)
        good = asyncio.create_task(batcher.embed(ready, ["good"], None))
        bad = asyncio.create_task(batcher.embed(ready, ["bad one", "fine"], None))
        await until(lambda: len(batcher.waiting) == 3)
        paced.gate.set()
        await blocked
        np.testing.assert_array_equal((await good).vectors, [vector_of("good", None)])
        with pytest.raises(Fault, match="the model failed") as caught:
            await bad
        assert caught.value.status == 500

    run(work)


def test_a_full_queue_says_when_to_come_back(ready: Ready, paced: Paced) -> None:
    async def work(batcher: Batcher) -> None:
        paced.gate.clear()
        blocked = asyncio.create_task(batcher.embed(ready, ["first"], None))
        await asyncio.sleep(0.05)
        waits = asyncio.create_task(batcher.embed(ready, ["x" * 40], None))  # 8 tokens, the longest
        await until(lambda: batcher.backlog.total == 8)
        with pytest.raises(Fault, match="busy") as caught:
            await batcher.embed(ready, ["y" * 40], None)
        assert caught.value.status == 429
        assert int(caught.value.headers()["Retry-After"]) >= 1
        paced.gate.set()
        await asyncio.gather(blocked, waits)
        await batcher.embed(ready, ["y" * 40], None)  # and now there is room

    run(work, waiting=10)


def test_a_request_that_could_not_be_answered_in_time_is_told_so(
    ready: Ready, paced: Paced
) -> None:
    async def work(batcher: Batcher) -> None:
        paced.gate.clear()
        blocked = asyncio.create_task(batcher.embed(ready, ["first"], None))
        await asyncio.sleep(0.05)
        waits = asyncio.create_task(batcher.embed(ready, ["x" * 40], None))
        await until(lambda: batcher.backlog.total == 8)
        batcher.backlog.note(ready.model.hash, 100, 100.0)  # a token a second
        with pytest.raises(Fault, match="busy"):
            await batcher.embed(ready, ["y" * 40], None)
        paced.gate.set()
        await asyncio.gather(blocked, waits)

    run(work, seconds=10, batch_tokens=100)


def test_too_many_tokens_are_refused_before_they_wait(ready: Ready) -> None:
    async def work(batcher: Batcher) -> None:
        with pytest.raises(Fault, match="have 16 tokens; a request may have 10") as caught:
            await batcher.embed(ready, ["x" * 40, "y" * 40], None)
        assert caught.value.status == 413
        assert not batcher.waiting

    run(work, tokens=10)


def test_other_work_takes_turns_and_its_error_is_its_own() -> None:
    async def work(batcher: Batcher) -> None:
        assert await batcher.call("x", lambda: 3) == 3
        with pytest.raises(ZeroDivisionError):
            await batcher.call("x", lambda: 1 // 0)
        ran = []
        gone = asyncio.create_task(batcher.call("x", lambda: ran.append(1)))
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert await batcher.call("x", lambda: 4) == 4
        assert not ran, "what nobody waits for is not done"

    run(work)


def test_a_panic_in_a_library_ends_its_request_alone(ready: Ready) -> None:
    class Panic(BaseException):
        pass

    def fail() -> None:
        raise Panic("in another language")

    async def work(batcher: Batcher) -> None:
        with pytest.raises(RuntimeError, match="Panic: in another language"):
            await batcher.call("x", fail)
        await batcher.embed(ready, ["still here"], None)

    run(work)


def test_searches_and_pairs_are_told_to_come_back_too() -> None:
    async def work(batcher: Batcher) -> None:
        for _ in range(8):
            batcher.backlog.note("search", 1, 3.0)
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        wait = lambda: asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()  # noqa: E731
        waits = [asyncio.create_task(batcher.call("search", wait)) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(Fault, match="busy") as caught:
            await batcher.call("search", lambda: 1)
        assert caught.value.status == 429
        gate.set()
        await asyncio.gather(*waits)
        assert await batcher.call("search", lambda: 1) == 1
        assert batcher.backlog.total == 0

    run(work, seconds=10)


def test_pieces_of_one_request_let_others_between_them() -> None:
    order: list[str] = []
    gate = threading.Event()

    def piece(i: int) -> None:
        gate.wait(20)
        order.append(f"a{i}")

    async def work(batcher: Batcher) -> None:
        pieces = [(functools.partial(piece, i), 10) for i in range(4)]
        first = asyncio.create_task(batcher.call_each("rerank", pieces))
        await asyncio.sleep(0.05)
        search = asyncio.create_task(batcher.call("search", lambda: order.append("search")))
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(first, search)
        with pytest.raises(ZeroDivisionError):
            await batcher.call_each("rerank", [(lambda: 1, 5), (lambda: 1 // 0, 5)])
        assert batcher.backlog.total == 0

    run(work)
    assert order == ["a0", "search", "a1", "a2", "a3"]


def test_many_large_requests_are_refused_before_their_tokens_are_counted(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    gate = threading.Event()

    def slow(self: Ready, texts: list[str], prompt: str | None) -> list[int]:
        counts.append(len(texts))
        gate.wait(20)
        return [4] * len(texts)

    monkeypatch.setattr(Ready, "lengths", slow)

    async def work(batcher: Batcher) -> None:
        texts = [[f"{i} {j} " + "x" * 40 for j in range(10)] for i in range(3)]  # 9 tokens each
        first = asyncio.create_task(batcher.embed(ready, texts[0], None))
        await until(lambda: bool(counts))
        with pytest.raises(Fault, match="busy"):
            await batcher.embed(ready, texts[1], None)
        gate.set()
        await first
        await batcher.embed(ready, texts[2], None)

    run(work, waiting=150)
    assert counts == [10, 10]


def test_a_long_text_is_refused_where_it_may_not_be_cut(ready: Ready, paced: Paced) -> None:
    async def work(batcher: Batcher) -> None:
        long = "x" * 36  # 9 tokens of 4 letters; the model reads 8
        await batcher.embed(ready, ["short", long], None)
        for texts in (["short", long], ["other", "y" * 400]):
            with pytest.raises(Fault, match="inputs 1 is longer than the 8 tokens") as caught:
                await batcher.embed(ready, texts, None, what="inputs", cut=False)
            assert caught.value.status == 413
        await batcher.embed(ready, ["short", "other"], None, cut=False)

    run(work)


def test_a_text_that_failed_is_tried_again_for_who_asks_meanwhile(
    ready: Ready, paced: Paced, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = paced.vectors

    def slow(texts: Sequence[str], prompt: str | None) -> Any:
        time.sleep(0.05)
        return plain(texts, prompt)

    monkeypatch.setattr(paced, "vectors", slow)

    async def work(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.embed(ready, ["bad one", *"abcdef"], None))
        with pytest.raises(Fault, match="the model failed"):
            await first
        with pytest.raises(Fault, match="the model failed"):
            await asyncio.wait_for(batcher.embed(ready, ["bad one"], None), 5)
        np.testing.assert_array_equal(
            (await asyncio.wait_for(batcher.embed(ready, ["a"], None), 5)).vectors,
            [vector_of("a", None)],
        )

    run(work, cache=0)


def test_one_short_text_does_not_make_a_server_look_slow(ready: Ready) -> None:
    async def work(batcher: Batcher) -> None:
        batcher.backlog.note(ready.model.hash, 4, 0.3)  # a call's own cost, not its tokens'
        await asyncio.gather(
            *(
                batcher.embed(ready, [f"{i} {j} " + "x" * 40 for j in range(60)], None)
                for i in range(8)
            )
        )

    run(work)
