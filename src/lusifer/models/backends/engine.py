"""The engine behind every `encode`: texts in, one matrix out, as fast as the model can be fed, in
memory that the budget bounds.

Method: identical texts once; a window of texts is tokenised in a thread while the model runs the
one before it, sorted by tokens (not by characters: scripts differ fourfold) and cut into batches of
a budget of tokens; results are copied from the device while the next batches run, and written to
their rows of one array. A batch that does not fit is split in two, once, with a warning. Cost
beside the model's: one tokenisation. Not for one text at a time: there a server's queue is what
helps.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, ModelError
from lusifer.models.batches import Ints, by_tokens

if TYPE_CHECKING:
    from lusifer.models.tokenize import Ids

log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
Tell = Callable[[int, int], None]  # texts and tokens that were just embedded
FIRST, LAST = (
    1024,
    32_768,
)  # texts of the first window, so that the model starts soon, and of the largest
LETTERS = 1 << 24  # of a window, at most
AHEAD = 2  # batches whose results are on their way while the next are started


@dataclass
class Count:
    """How many tokens have been embedded, for a progress line to read."""

    tokens: int = 0


_counts: ContextVar[Count | None] = ContextVar("counts", default=None)


@contextmanager
def counted() -> Iterator[Count]:
    """Count the tokens that are embedded within, in this thread."""
    count = Count()
    outer = _counts.set(count)
    try:
        yield count
    finally:
        _counts.reset(outer)


class Runner(Protocol):
    """What an engine drives: a tokenizer and a model."""

    @property
    def dim(self) -> int:
        """The size of a vector."""

    @property
    def budget(self) -> int:
        """Tokens of a batch."""

    @property
    def padded(self) -> bool:
        """Whether shorter rows of a batch are padded to its longest, and so count as that."""

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, specials included, cut at the model's length; called from one
        thread beside `start`.
        """

    def start(self, rows: list[Ids]) -> Any:
        """Begin a batch; returns what `finish` takes. Raises MemoryError where the batch does not
        fit.
        """

    def finish(self, started: Any) -> Vectors:
        """The batch's vectors, (rows, dim)."""


def encode(
    runner: Runner, texts: Sequence[str], prompt: str = "", tell: Tell | None = None
) -> Vectors:
    """Vectors (n, dim) of `texts`, each with the prompt before it, in their order."""
    first: dict[str, int] = {}
    positions = np.fromiter(
        (first.setdefault(text, len(first)) for text in texts), dtype=np.int64, count=len(texts)
    )
    out = np.zeros((len(first), runner.dim), dtype=np.float32)
    done = 0
    for vectors in stream(runner, first, prompt, tell):
        out[done : done + len(vectors)] = vectors
        done += len(vectors)
    return out if len(first) == len(texts) else out[positions]


def stream(
    runner: Runner, texts: Iterable[str], prompt: str = "", tell: Tell | None = None
) -> Iterator[Vectors]:
    """Vectors of texts that come one by one, a matrix a window, in their order; no more than two
    windows are held.
    """
    source = ([prompt + text for text in window] if prompt else window for window in windows(texts))
    with ThreadPoolExecutor(1, "tokenise") as ahead:
        window = next(source, None)
        tokens = ahead.submit(runner.tokenise, window) if window else None
        while tokens is not None:
            rows = tokens.result()
            window = next(source, None)
            tokens = ahead.submit(runner.tokenise, window) if window else None
            yield _window(runner, rows, tell)


def windows(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in lists of growing size."""
    size, letters, held = FIRST, 0, list[str]()
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise LusiferError(f"text {number} is {type(text).__name__}, expected str")
        held.append(text)
        letters += len(text)
        if len(held) >= size or letters >= LETTERS:
            yield held
            size, letters, held = min(2 * size, LAST), 0, []
    if held:
        yield held


def _window(runner: Runner, rows: list[Ids], tell: Tell | None) -> Vectors:
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    out = np.zeros((len(rows), runner.dim), dtype=np.float32)
    started: deque[tuple[Ints, Any]] = deque()

    def land() -> None:
        positions, pending = started.popleft()
        out[positions] = runner.finish(pending)
        tokens = int(lengths[positions].sum())
        if count := _counts.get():
            count.tokens += tokens
        if tell:
            tell(len(positions), tokens)

    for positions in by_tokens(lengths, runner.budget, padded=runner.padded):
        begun = _begin(runner, [rows[i] for i in positions])
        if begun is not None:
            started.append((positions, begun))
        else:
            while started:  # what is under way holds memory too
                land()
            for half in _halves(positions, int(lengths[positions].sum())):
                started.append((half, _once_more(runner, [rows[i] for i in half])))
                land()
        while len(started) > AHEAD:
            land()
    while started:
        land()
    return out


def _halves(positions: Ints, tokens: int) -> list[Ints]:
    log.warning(
        "a batch of %d texts, %d tokens, does not fit in memory; trying its halves",
        len(positions),
        tokens,
    )
    return [half for half in np.array_split(positions, 2) if len(half)]


def _begin(runner: Runner, rows: list[Ids]) -> Any:
    """A batch that has begun; None where it does not fit: outside the handler, which would hold on
    to what the failed one made.
    """
    try:
        return runner.start(rows)
    except MemoryError:
        return None


def _once_more(runner: Runner, rows: list[Ids]) -> Any:
    begun = _begin(runner, rows)
    if begun is None:
        tokens = sum(map(len, rows))
        raise ModelError(
            f"half a batch, {len(rows)} texts of {tokens} tokens, does not fit in memory either; lower the budget"
        )
    return begun
