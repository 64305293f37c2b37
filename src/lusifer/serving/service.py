"""What the routes of a server share: its models, its queue, its index, its limits and figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lusifer.errors import DamagedIndex, LusiferError
from lusifer.models import Reranker
from lusifer.serving.batcher import Batcher, Embedded
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.prompts import prompt_of
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready, Shelf
from lusifer.text import half_characters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lusifer.search import Index

PAIRS = 32  # pairs that are scored before the queue is looked at again
LOOK = 5.0  # seconds between two looks for idle models


@dataclass
class Service:
    """One server's parts."""

    limits: Limits
    metrics: Metrics
    models: Shelf[Ready]
    rerankers: Shelf[Reranker]
    batcher: Batcher
    index: Index | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The queue at work, and idle models unloaded, until the server ends."""
        self.batcher.start()
        watch = asyncio.get_running_loop().create_task(self._unload())
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await self.batcher.stop()

    async def _unload(self) -> None:
        while True:
            slots = [*self.models, *self.rerankers]
            if self.limits.idle:
                for slot in slots:
                    slot.unload_if_idle(self.limits.idle)
            self.metrics.loaded.set(sum(slot.loaded is not None for slot in slots))
            await asyncio.sleep(min(LOOK, self.limits.idle or LOOK))

    async def embed(
        self,
        name: str | None,
        texts: Sequence[str],
        *,
        prompt: str | None = None,
        input_type: str | None = None,
    ) -> tuple[str, Embedded]:
        """Vectors of texts by a model of this server.

        Args:
            name: of the model; None is the first.
            texts: at most `limits.texts`.
            prompt: exactly this prompt of the model.
            input_type: what the texts are (`query`, `document` or another API's word for it): the
                model's own prompt for that, where it has one.

        Returns:
            The model's name on this server, and the vectors.

        Raises:
            Fault: for what cannot be answered.
        """
        slot = self.models.find(name)
        self.check_texts(texts)
        with slot.held():
            ready = await slot.get()
            asked = prompt_of(ready.model.embedder.prompts, prompt, input_type)
            return slot.name, await self.batcher.embed(ready, texts, asked)

    def check_texts(self, texts: Sequence[str], what: str = "input") -> None:
        """Raise Fault for no text, too many, or one that no UTF-8 can hold."""
        if not texts:
            raise Fault(400, f"{what} is empty; give one text or more", "empty_input")
        if len(texts) > self.limits.texts:
            raise Fault(
                413,
                f"{what} has {len(texts):,} texts; a request may have {self.limits.texts:,}",
                "too_many_texts",
            )
        for number, text in enumerate(texts):
            if not text.isascii() and half_characters(text):
                raise Fault(
                    400, f"{what} {number} holds half a character (a lone surrogate)", "bad_text"
                )

    async def rerank(
        self, name: str | None, query: str, documents: Sequence[str]
    ) -> tuple[str, list[float]]:
        """A reranker's name and its score of each document for the query, higher is better.

        Raises Fault for what cannot be answered.
        """
        slot = self.rerankers.find(name)
        self.check_texts([query], "query")
        self.check_texts(documents, "documents")
        if not query.strip():
            raise Fault(400, "query is empty; ask for something", "empty_input")
        with slot.held():
            scorer = await slot.get()
            scores: list[float] = []
            for start in range(0, len(documents), PAIRS):
                pairs = [(query, text) for text in documents[start : start + PAIRS]]
                part = await self.batcher.call(lambda pairs=pairs: list(scorer(pairs)))  # type: ignore[misc]
                scores += map(float, part)
        self.metrics.pairs.inc(len(documents))
        return slot.name, scores


@contextmanager
def as_faults() -> Iterator[None]:
    """What the library refuses within is a fault of the request (400), or of the index (503)."""
    try:
        yield
    except DamagedIndex as error:
        raise Fault(503, str(error), "index_damaged") from None
    except LusiferError as error:
        raise Fault(400, str(error)) from None
