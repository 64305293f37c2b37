"""What the routes of a server share: its models, its queue, its index, its limits and figures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from lusifer.errors import DamagedIndex, LusiferError
from lusifer.models import LoadedReranker
from lusifer.serving.batcher import Batcher, Embedded
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.prompts import prompt_of
from lusifer.serving.settings import Limits
from lusifer.serving.shelf import Ready, Shelf, pair_lengths
from lusifer.text import half_characters

if TYPE_CHECKING:
    from lusifer.search import Index

T = TypeVar("T")
PAIRS = 32  # pairs that are scored, at most, before the queue is looked at again
LOOK = 5.0  # seconds between two looks for idle models


@dataclass(frozen=True)
class DocumentScores:
    """Scores of documents by the reranker of that name, higher is better; from 0 to 1 where they are
    bounded.
    """

    name: str
    scores: list[float]
    bounded: bool


@dataclass
class Service:
    """One server's parts."""

    limits: Limits
    metrics: Metrics
    models: Shelf[Ready]
    rerankers: Shelf[LoadedReranker]
    batcher: Batcher
    index: Index | None = None
    at_start: list[Callable[[], None]] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)  # what takes long looks at it

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The queue at work, and idle models unloaded, until the server ends."""
        self.batcher.start()
        for begin in self.at_start:
            begin()
        watch = asyncio.get_running_loop().create_task(self._unload())
        try:
            yield
        finally:
            self.ending.set()
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
        what: str = "input",
        cut: bool = True,
    ) -> tuple[str, Embedded]:
        """Vectors of texts by a model of this server.

        Args:
            name: of the model; None is the first.
            texts: at most `limits.texts`.
            prompt: exactly this prompt of the model.
            input_type: what the texts are (`query`, `document` or another API's word for it): the
                model's own prompt for that, where it has one.
            what: the request's word for texts.
            cut: texts longer than the model are cut; without it they are refused.

        Returns:
            The model's name on this server, and the vectors.

        Raises:
            Fault: for what cannot be answered.
        """
        slot = self.models.find(name)
        self.check_texts(texts, what)
        with slot.held():
            ready = await slot.get()
            asked = prompt_of(ready.model.embedder.prompts, prompt, input_type)
            return slot.name, await self.batcher.embed(ready, texts, asked, what=what, cut=cut)

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
        self,
        name: str | None,
        query: str,
        documents: Sequence[str],
        *,
        what: str = "documents",
        cut: bool = True,
    ) -> DocumentScores:
        """The score of each document for a query; equal documents are scored once.

        Args:
            name: of the reranker; None is the first.
            query: what is looked for.
            documents: at most `limits.texts`.
            what: the request's word for documents.
            cut: pairs longer than the reranker reads are cut; without it they are refused.

        Raises:
            Fault: for what cannot be answered.
        """
        slot = self.rerankers.find(name)
        self.check_texts([query], "query")
        self.check_texts(documents, what)
        if not query.strip():
            raise Fault(400, "query is empty; ask for something", "empty_input")
        with slot.held():
            reranker = await slot.get()
            texts = list(dict.fromkeys(documents))
            found = await self.batcher.beside(lambda: pair_lengths(reranker, query, texts))
            whole = dict(zip(texts, found, strict=True))
            longest = reranker.max_tokens or max(found)
            for number, text in enumerate(documents):
                if not cut and whole[text] > longest:
                    raise Fault(
                        413,
                        f"{what} {number} is, with the query, longer than the {longest:,} tokens that "
                        "the reranker reads",
                        "too_long",
                    )
            lengths = [min(length, longest) for length in found]  # what is read of them
            known = dict(zip(texts, lengths, strict=True))
            self.batcher.check_tokens(sum(known[text] for text in documents))
            works: list[tuple[Callable[[], Sequence[float]], int]] = []
            for part in _parts(texts, lengths, self.limits.batch_tokens):
                pairs = [(query, text) for text in part]
                works.append((partial(reranker, pairs), sum(known[text] for text in part)))
            scores = await self.batcher.call_each(f"rerank {slot.name}", works)
        self.metrics.pairs.inc(len(documents))
        score = dict(zip(texts, (float(one) for part in scores for one in part), strict=True))
        return DocumentScores(slot.name, [score[text] for text in documents], reranker.bounded)

    async def with_index(self, kind: str, work: Callable[[Index], T]) -> T:
        """The result of work with the index, done when its turn comes. An index that was deleted and
        made again is opened anew.

        Args:
            kind: of work, for what is known of its time.
            work: what to do.

        Raises:
            Fault: for what the library refuses, or where the index is damaged.
        """

        def done() -> T:
            with as_faults():
                assert self.index is not None
                try:
                    return work(self.index)
                except DamagedIndex:
                    fresh = _opened_anew(self.index)
                    found = work(fresh)
                    self.index = fresh
                    return found

        return await self.batcher.call(kind, done)


def _opened_anew(index: Index) -> Index:
    """Raises Fault where it cannot be."""
    try:
        return type(index).open(index.uri, index.model)
    except LusiferError as error:
        raise Fault(503, str(error), "index_damaged") from None


def _parts(texts: Sequence[str], lengths: Sequence[int], most: int) -> Iterator[list[str]]:
    """Texts in turn, in parts of so many tokens and `PAIRS` at most."""
    part: list[str] = []
    tokens = 0
    for text, length in zip(texts, lengths, strict=True):
        if part and (tokens + length > most or len(part) == PAIRS):
            yield part
            part, tokens = [], 0
        part.append(text)
        tokens += length
    yield part


@contextmanager
def as_faults() -> Iterator[None]:
    """What the library refuses within is a fault of the request (400), or of the index (503)."""
    try:
        yield
    except DamagedIndex as error:
        raise Fault(503, str(error), "index_damaged") from None
    except LusiferError as error:
        raise Fault(400, str(error)) from None
