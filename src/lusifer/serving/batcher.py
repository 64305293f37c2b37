"""One queue before the models: texts of all requests become batches, which one thread computes.

Method: a text waits under its model, prompt and itself, so that what several requests ask for at
once is computed once; the oldest text chooses the model and the prompt of the next batch, which
takes what waits for the same until `batch_tokens` are full. Other work of the models (pairs to
rerank, searches) takes turns with batches in the same thread, so that nothing computes at the same
time and each has all cores. A request that goes away leaves the queue. All bookkeeping is done in
the event loop's thread, so there are no locks. A vector does not depend on what is computed beside it:
that is the engine's promise (`lusifer.models`).

Cost: a batch waits for the one before it, at most the time of `batch_tokens`. Not for one model on
several machines: put a load balancer before several servers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lusifer.errors import LusiferError, ModelError
from lusifer.io import EndpointError
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready
from lusifer.serving.vector_cache import VectorCache

if TYPE_CHECKING:
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

T = TypeVar("T")
SMOOTH = 0.2  # weight of the newest batch in the measured speed


@dataclass
class Waiting:
    """A text that waits for its vector, and who waits for it."""

    model: Ready
    prompt: str | None
    text: str
    tokens: int
    asked: set[asyncio.Future[Any]] = field(default_factory=set)


@dataclass(frozen=True)
class Embedded:
    """Vectors (n, dim) in the order of the texts, and how many tokens the texts have."""

    vectors: Vectors
    tokens: int


class Batcher:
    """The queue and its thread; used from one event loop."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.limits, self.metrics = limits, metrics
        self.cache = VectorCache(limits.cache)
        self.waiting: dict[bytes, Waiting] = {}  # in the order in which they came
        self.computing: dict[bytes, Waiting] = {}
        self.waiting_tokens = 0
        self.speed = 0.0  # tokens a second, of late
        self._jobs: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._compute = ThreadPoolExecutor(1, "compute")
        self._tokenise = ThreadPoolExecutor(1, "tokenise")
        self._more = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work; called in the event loop."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Finish nothing more; what is being computed ends."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._compute.shutdown(wait=True, cancel_futures=True)
        self._tokenise.shutdown(wait=True, cancel_futures=True)

    async def embed(self, model: Ready, texts: Sequence[str], prompt: str | None) -> Embedded:
        """Vectors of texts, those known from before without computing.

        Args:
            model: whose vectors.
            texts: one or more.
            prompt: the name of one of the model's prompts, or None for its default.

        Returns:
            The vectors, and the tokens of the texts.

        Raises:
            Fault: 413 past the limits of a request, 429 where the queue is full, 400 for a text
                that no model can read, 500 where the model gives no finite vector.
        """
        loop = asyncio.get_running_loop()
        keys = [self.cache.key(model.model.hash, prompt, text) for text in texts]
        lengths = await loop.run_in_executor(self._tokenise, model.lengths, list(texts), prompt)
        self._check(sum(lengths))
        found: dict[bytes, Vectors] = {}
        futures: dict[bytes, asyncio.Future[Any]] = {}
        missing: dict[bytes, tuple[str, int]] = {}
        for key, text, tokens in zip(keys, texts, lengths, strict=True):
            if key in found or key in missing:
                continue
            row = self.cache.get(key)
            if row is None:
                missing[key] = (text, tokens)
            else:
                found[key] = row
        self.metrics.cache_hits.inc(len(found))
        self._refuse_if_full(sum(tokens for _, tokens in missing.values()))
        for key, (text, tokens) in missing.items():
            futures[key] = self._ask(key, Waiting(model, prompt, text, tokens))
        try:
            for key, future in futures.items():
                found[key] = await future
        finally:
            for key, future in futures.items():
                self._leave(key, future)
        self.metrics.texts.labels(model.model.name).inc(len(texts))
        self.metrics.tokens.labels(model.model.name).inc(sum(lengths))
        return Embedded(np.stack([found[key] for key in keys]), sum(lengths))

    async def call(self, work: Callable[[], T]) -> T:
        """The result of `work`, done in the thread of the models when its turn comes; not at all
        where the request has gone by then.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.append((work, future))
        self._more.set()
        result: T = await future
        return result

    def _check(self, tokens: int) -> None:
        if tokens > self.limits.tokens:
            raise Fault(
                413,
                f"the texts have {tokens:,} tokens; a request may have {self.limits.tokens:,}",
                "too_many_tokens",
            )

    def _refuse_if_full(self, tokens: int) -> None:
        """Raise Fault (429) where the queue is full, or so long that the time of a request would
        end first. A request that finds the queue empty is always taken.
        """
        due = self.waiting_tokens + tokens
        wait = self.waiting_tokens / self.speed if self.speed else 0.0
        late = self.speed > 0 and due / self.speed > 0.8 * self.limits.seconds
        if tokens and self.waiting_tokens and (due > self.limits.waiting or late):
            self.metrics.refused.inc()
            raise Fault(
                429, "the server is busy; ask again after Retry-After seconds", "busy", wait / 2
            )

    def _ask(self, key: bytes, new: Waiting) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        entry = self.waiting.get(key) or self.computing.get(key)
        if entry is None:
            entry = self.waiting[key] = new
            self.waiting_tokens += new.tokens
            self.metrics.waiting.set(len(self.waiting))
        entry.asked.add(future)
        self._more.set()
        return future

    def _leave(self, key: bytes, future: asyncio.Future[Any]) -> None:
        """A request that no longer waits for a text; the last one takes it out of the queue."""
        if not future.cancel() and not future.cancelled():
            future.exception()  # read, so that nobody complains of one that came too late
        entry = self.waiting.get(key)
        if entry is None or future not in entry.asked:
            return
        entry.asked.discard(future)
        if not entry.asked:
            self._take(key)

    def _take(self, key: bytes) -> Waiting:
        entry = self.waiting.pop(key)
        self.waiting_tokens -= entry.tokens
        self.metrics.waiting.set(len(self.waiting))
        return entry

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._jobs or self.waiting:
                if self._jobs:
                    await self._one_job()
                if self.waiting:
                    await self._one_batch()

    async def _one_job(self) -> None:
        work, future = self._jobs.popleft()
        if future.done():  # its request has gone
            return
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._compute, work)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a library's own panic too: the queue must go on
            if not future.done():
                future.set_exception(_fault(error))
        else:
            if not future.done():
                future.set_result(result)

    async def _one_batch(self) -> None:
        first = next(iter(self.waiting.values()))
        batch: dict[bytes, Waiting] = {}
        tokens = 0
        for key, entry in self.waiting.items():
            if entry.model is not first.model or entry.prompt != first.prompt:
                continue
            if batch and tokens + entry.tokens > self.limits.batch_tokens:
                break
            batch[key] = entry
            tokens += entry.tokens
        for key in batch:
            self.computing[key] = self._take(key)
        try:
            await self._compute_batch(first, batch, tokens)
        finally:
            self.computing.clear()

    async def _compute_batch(
        self, first: Waiting, batch: dict[bytes, Waiting], tokens: int
    ) -> None:
        texts = [entry.text for entry in batch.values()]
        began = time.perf_counter()
        try:
            vectors = await asyncio.get_running_loop().run_in_executor(
                self._compute, lambda: first.model.model.embedder.encode(texts, prompt=first.prompt)
            )
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a library's own panic too: the queue must go on
            if len(batch) == 1 or isinstance(error, EndpointError):
                for entry in batch.values():
                    _fail(entry, _fault(error))
                return
            # One text that the model does not take must not fail those that came beside it.
            for key, entry in batch.items():
                await self._alone(key, entry)
            return
        took = time.perf_counter() - began
        speed = tokens / max(took, 1e-6)
        self.speed = speed if not self.speed else (1 - SMOOTH) * self.speed + SMOOTH * speed
        self.metrics.batches.observe(len(batch))
        for (key, entry), vector in zip(batch.items(), vectors, strict=True):
            self._give(key, entry, vector)

    async def _alone(self, key: bytes, entry: Waiting) -> None:
        try:
            vectors = await asyncio.get_running_loop().run_in_executor(
                self._compute,
                lambda: entry.model.model.embedder.encode([entry.text], prompt=entry.prompt),
            )
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a library's own panic too: the queue must go on
            _fail(entry, _fault(error))
        else:
            self._give(key, entry, vectors[0])

    def _give(self, key: bytes, entry: Waiting, vector: Vectors) -> None:
        self.cache.put(key, vector)
        for future in entry.asked:
            if not future.done():
                future.set_result(vector)


def _fail(entry: Waiting, fault: Exception) -> None:
    for future in entry.asked:
        if not future.done():
            future.set_exception(fault)


def _fault(error: BaseException) -> Exception:
    """What a request is told of an error of its work."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, EndpointError):
        return Fault(502, f"the model's endpoint failed: {error}", "model_failed")
    if isinstance(error, ModelError):
        return Fault(500, f"the model failed: {error}", "model_failed")
    if isinstance(error, LusiferError):
        return Fault(400, str(error))
    return (
        error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
    )
