"""The models of a server by the names that requests use: loaded when they are asked for, unloaded
when nobody has asked for a while.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lusifer.errors import LusiferError
from lusifer.models import LoadedModel, LoadedReranker, TokenAccess, load_reranker
from lusifer.serving.faults import Fault

log = logging.getLogger(__name__)
T = TypeVar("T")
FEW = 32  # characters of a token, at most: what is behind them is not read by the model either


@dataclass(frozen=True)
class Ready:
    """An embedding model in memory, with what is needed to count tokens."""

    model: LoadedModel
    tokens: TokenAccess | None

    @classmethod
    def load(cls, place: str, **settings: Any) -> Ready:
        """As `LoadedModel.load`."""
        model = LoadedModel.load(place, **settings)
        return cls(model, TokenAccess.of(model.embedder))

    @property
    def longest(self) -> int:
        """Tokens that the model reads of a text."""
        return self.model.embedder.max_tokens or 1 << 24

    def lengths(self, texts: list[str], prompt: str | None) -> list[int]:
        """Tokens of each text with its prompt and special tokens, and more than `longest` where the
        model cuts it. An endpoint's tokenizer is not known: four characters count as one there.
        """
        embedder = self.model.embedder
        default = getattr(embedder, "default_prompt", None)
        before = embedder.prompts.get(prompt or default or "", "")
        room = FEW * self.longest
        shown = [before + text[:room] for text in texts]
        if self.tokens is None:
            return [max(1, len(text) // 4) for text in shown]
        found = self.tokens.tokenizer.encode_batch_fast(shown)
        return [
            max(1, len(row.ids), (self.longest + 1) * (len(text) > room))
            for row, text in zip(found, texts, strict=True)
        ]


def pair_lengths(reranker: LoadedReranker, query: str, texts: list[str]) -> list[int]:
    """Tokens of a query with each text, more than the reranker reads where it cuts the pair; four
    characters count as one where it tells no tokenizer.
    """
    longest = reranker.max_tokens or 1 << 24
    room = FEW * longest
    if reranker.tokens is None:
        return [max(1, (len(query) + len(text)) // 4) for text in texts]
    count = reranker.tokens.tokenizer.encode_batch_fast
    (asked,) = count([query[:room]])
    return [
        max(1, len(asked.ids) + len(row.ids) - 1, (longest + 1) * (len(text) > room))
        for row, text in zip(count([text[:room] for text in texts]), texts, strict=True)
    ]


@dataclass
class Slot(Generic[T]):
    """One model by its name: where it is, and itself while it is loaded."""

    name: str
    place: str
    load: Callable[[str], T]
    loaded: T | None = None
    users: int = 0
    used: float = 0.0
    created: int = field(default_factory=lambda: int(time.time()))
    pinned: bool = False  # never unloaded: something else holds it too
    loading: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The model, loaded if it is not. Raises Fault where it cannot be; it is tried again with
        the next request.
        """
        if self.loaded is None:
            if self.loading is None:
                self.loading = asyncio.get_running_loop().create_task(self._load())
                # Read, so that nobody complains of a failure that all who waited have left.
                self.loading.add_done_callback(lambda done: done.cancelled() or done.exception())
            try:
                # It goes on where a request's time ends before: the next one finds it loaded.
                return await asyncio.shield(self.loading)
            except LusiferError as error:
                raise Fault(
                    503, f"the model {self.name} cannot be loaded: {error}", "model_not_loaded"
                ) from None
        self.used = time.monotonic()
        return self.loaded

    async def _load(self) -> T:
        try:
            loaded = await asyncio.to_thread(self.load, self.place)
        except LusiferError as error:
            log.error("%s cannot be loaded: %s", self.name, error)
            raise
        finally:
            self.loading = None
        self.loaded, self.used = loaded, time.monotonic()
        return loaded

    @contextmanager
    def held(self) -> Iterator[None]:
        """While a request uses it, it is not unloaded."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            self.used = time.monotonic()

    def unload_if_idle(self, seconds: float) -> bool:
        """Whether it was unloaded, since nobody asked for it for so long."""
        if (
            self.loaded is None
            or self.users
            or self.pinned
            or time.monotonic() - self.used < seconds
        ):
            return False
        self.loaded = None
        gc.collect()
        log.info("%s was unloaded after %.0f idle seconds", self.name, seconds)
        return True


class Shelf(Generic[T]):
    """Slots by name; a request that names no model gets the first."""

    def __init__(self, what: str, option: str, slots: Iterable[Slot[T]]) -> None:
        self.what, self.option = what, option
        self.slots = {slot.name: slot for slot in slots}

    def __iter__(self) -> Iterator[Slot[T]]:
        return iter(self.slots.values())

    def __len__(self) -> int:
        return len(self.slots)

    def find(self, name: str | None) -> Slot[T]:
        """The slot of that name. Raises Fault naming those that are served."""
        if not self.slots:
            raise Fault(
                404, f"no {self.what} is served; start the server with {self.option}", "no_model"
            )
        if not name:
            return next(iter(self.slots.values()))
        if name not in self.slots:
            raise Fault(
                404,
                f"no {self.what} named {name[:100]!r} is served; served: {', '.join(self.slots)}",
                "model_not_found",
            )
        return self.slots[name]


def named_places(places: Iterable[str], option: str) -> dict[str, str]:
    """Names and places of `NAME=PLACE` or plain places, whose last part is the name.

    Raises LusiferError where two have the same name.
    """
    found: dict[str, str] = {}
    for given in places:
        name, equals, place = given.partition("=")
        if not equals or "/" in name or ":" in name:
            place = given
            name = given if given.count("/") == 1 and given[0] not in "./~" else _last(given)
        if not name or not place:
            raise LusiferError(f"{option} {given!r}: write a model, or NAME=MODEL")
        if name in found:
            raise LusiferError(
                f"{option}: two are named {name}; give one another name: NAME={place}"
            )
        found[name] = place
    return found


def _last(place: str) -> str:
    url, _, model = place.partition("#")
    return model or url.rstrip("/").rpartition("/")[2]


def model_shelf(places: Iterable[str], **settings: Any) -> Shelf[Ready]:
    """A shelf of embedding models.

    Args:
        places: names of models as for `lusifer.load`, or `NAME=` before one.
        settings: as for `lusifer.load`, the same for all.
    """
    return Shelf(
        "embedding model",
        "-m MODEL",
        [
            Slot(name, place, lambda place: Ready.load(place, **settings))
            for name, place in named_places(places, "--model").items()
        ],
    )


def reranker_shelf(places: Iterable[str]) -> Shelf[LoadedReranker]:
    """A shelf of rerankers, each as for `lusifer.load_reranker`."""
    return Shelf(
        "reranker",
        "--rerank MODEL",
        [
            Slot(name, place, load_reranker)
            for name, place in named_places(places, "--rerank").items()
        ],
    )
