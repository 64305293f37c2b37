"""One queue before the models: texts of all requests become batches, which one thread computes.

Method: a text waits under its model, prompt and itself, so that what several requests ask for at
once is computed once; the oldest text chooses the model and the prompt of the next batch, which
takes what waits for the same until `batch_tokens` are full. Other work of the models (pairs to
rerank, searches) takes turns with batches in the same thread, so that nothing computes at the same
time and each has all cores. Tokens are counted in a second thread. A request that goes away leaves the queue. All bookkeeping is done in
the event loop's thread, so there are no locks. A vector does not depend on what is computed beside it:
that is the engine's promise (`lusifer.models`).

Cost: a batch waits for the one before it, at most the time of `batch_tokens`. Not for one model on
several machines: put a load balancer before several servers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lusifer.errors import LusiferError, ModelError
from lusifer.io import EndpointError
from lusifer.serving.backlog import Backlog
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready
from lusifer.serving.vector_cache import VectorCache

if TYPE_CHECKING:
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

T = TypeVar("T")
GUESS = 3  # characters of a token, until tokens are counted


@dataclass(frozen=True)
class Job:
    """Work of a request: pairs to score, a search."""

    kind: str
    units: int
    work: Callable[[], Any]
    answer: asyncio.Future[Any]


@dataclass
class Waiting:
    """A text that waits for its vector, and who waits for it. Its tokens are those that the model
    reads, its length is all of them.
    """

    model: Ready
    prompt: str | None
    text: str
    tokens: int
    length: int
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
        self.backlog = Backlog(limits, metrics)
        self.cache = VectorCache(limits.cache)
        self.waiting: dict[bytes, Waiting] = {}  # in the order in which they came
        self.computing: dict[bytes, Waiting] = {}
        self._jobs: deque[Job] = deque()
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

    async def embed(
        self,
        model: Ready,
        texts: Sequence[str],
        prompt: str | None,
        *,
        what: str = "input",
        cut: bool = True,
    ) -> Embedded:
        """Vectors of texts, those known from before without computing.

        Args:
            model: whose vectors.
            texts: one or more.
            prompt: the name of one of the model's prompts, or None for its default.
            what: the request's word for texts.
            cut: texts longer than the model are cut; without it they are refused.

        Returns:
            The vectors, and the tokens of the texts.

        Raises:
            Fault: 413 past the limits of a request or for a text that may not be cut, 429 where the
                queue is full, 400 for a text that no model can read, 500 where the model gives no
                finite vector.
        """
        keys = [self.cache.key(model.model.hash, prompt, text) for text in texts]
        known = {key: row for key in set(keys) if (row := self.cache.get(key))}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        counted = await self._count(model, missing, prompt)
        for key in [key for key in missing if key in self.cache]:  # computed meanwhile
            known[key] = self.cache[key]
            del missing[key]
        self.metrics.cache_hits.inc(len(known))
        long = {key: row.tokens for key, row in known.items()} | counted
        if not cut:
            _refuse_cut([long[key] for key in keys], model, what)
        tokens = {key: min(length, model.longest) for key, length in long.items()}
        total = sum(tokens[key] for key in keys)
        self.check_tokens(total)
        self.backlog.refuse_if_full(model.model.hash, sum(tokens[key] for key in missing))
        vectors = {key: row.vector for key, row in known.items()}
        futures = {
            key: self._ask(key, Waiting(model, prompt, text, tokens[key], long[key]))
            for key, text in missing.items()
        }
        try:
            for key, future in futures.items():
                vectors[key] = await future
        finally:
            for key, future in futures.items():
                self._leave(key, future)
        self.metrics.texts.labels(model.model.name).inc(len(texts))
        self.metrics.tokens.labels(model.model.name).inc(total)
        return Embedded(np.stack([vectors[key] for key in keys]), total)

    async def _count(
        self, model: Ready, texts: Mapping[bytes, str], prompt: str | None
    ) -> dict[bytes, int]:
        """Tokens of each text. Texts whose tokens are being counted are in the queue too, by a guess,
        so that many large requests at once are refused before they are counted.
        """
        if not texts:
            return {}
        kind, shown = model.model.hash, list(texts.values())
        guess = sum(1 + min(len(text) // GUESS, model.longest) for text in shown)
        self.backlog.refuse_if_full(kind, guess)
        self.backlog.enter(kind, guess)
        try:
            lengths = await self.beside(lambda: model.lengths(shown, prompt))
        finally:
            self.backlog.leave(kind, guess)
        return dict(zip(texts, lengths, strict=True))

    async def beside(self, work: Callable[[], T]) -> T:
        """The result of work that is no model's, done in the thread of tokenizers."""
        return await asyncio.get_running_loop().run_in_executor(self._tokenise, work)

    async def call(self, kind: str, work: Callable[[], T]) -> T:
        """The result of `work`, done in the thread of the models when its turn comes; not at all
        where the request has gone by then.

        Args:
            kind: of work, for what is known of its time.
            work: what to do.

        Raises:
            Fault: 429 where the queue is full.
        """
        (result,) = await self.call_each(kind, [(work, 1)])
        return result

    async def call_each(self, kind: str, works: Sequence[tuple[Callable[[], T], int]]) -> list[T]:
        """The results of one request's pieces of work, other requests' between them.

        Args:
            kind: of work, for what is known of its time.
            works: each piece and how many units it has, e.g. tokens.

        Raises:
            Fault: 429 where the queue is full.
        """
        left = sum(units for _, units in works)
        self.backlog.refuse_if_full(kind, left)
        self.backlog.enter(kind, left)
        done: list[T] = []
        try:
            for work, units in works:
                job = Job(kind, units, work, asyncio.get_running_loop().create_future())
                self._jobs.append(job)
                self._more.set()
                done.append(await job.answer)
                self.backlog.leave(kind, units)
                left -= units
        finally:
            self.backlog.leave(kind, left)
        return done

    def check_tokens(self, tokens: int) -> None:
        """Raise Fault (413) for more tokens than a request may have."""
        if tokens > self.limits.tokens:
            raise Fault(
                413,
                f"the texts have {tokens:,} tokens; a request may have {self.limits.tokens:,}",
                "too_many_tokens",
            )

    def _ask(self, key: bytes, new: Waiting) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        entry = self.waiting.get(key) or self.computing.get(key)
        if entry is None:
            entry = self.waiting[key] = new
            self.backlog.enter(new.model.model.hash, new.tokens)
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
        self.backlog.leave(entry.model.model.hash, entry.tokens)
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
        job = self._jobs.popleft()
        if job.answer.done():  # its request has gone
            return
        began = time.perf_counter()
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._compute, job.work)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a library's own panic too: the queue must go on
            if not job.answer.done():
                job.answer.set_exception(_fault(error))
        else:
            self.backlog.note(job.kind, job.units, time.perf_counter() - began)
            if not job.answer.done():
                job.answer.set_result(result)

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
        self.backlog.note(first.model.model.hash, tokens, time.perf_counter() - began)
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
        finally:
            del self.computing[key]  # who asks for it from now on must not join what has ended

    def _give(self, key: bytes, entry: Waiting, vector: Vectors) -> None:
        self.cache.put(key, vector, entry.length)
        for future in entry.asked:
            if not future.done():
                future.set_result(vector)


def _refuse_cut(lengths: list[int], model: Ready, what: str) -> None:
    for number, length in enumerate(lengths):
        if length > model.longest:
            raise Fault(
                413,
                f"{what} {number} is longer than the {model.longest:,} tokens that the model reads",
                "too_long",
            )


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
