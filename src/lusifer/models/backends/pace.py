"""How many of torch's threads a batch is given on a CPU: all that the process may use, or fewer where
other work has their cores.

Method: threads of one batch wait for each other, so where another process holds a core, all of them
wait for the one that does not run: two threads have made a tenth of what one made. So the first
batches are timed; half the threads are tried, and kept where they are clearly faster; every minute
the neighbouring counts are tried again, as the other work may have ended or begun. Cost: two batches
a minute at another count. Not for a GPU, nor for onnxruntime, whose threads sleep while they wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from lusifer.models.backends.threads import thread_count

CLEARLY = 1.3  # times as fast; batches of other lengths differ by less
TRIED = 2  # batches at a count before it is judged
AGAIN = 60.0  # seconds until other counts are tried again


class ThreadPace:
    """The counts of threads that were tried, and the one that is kept."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.most, self.threads = 0, 0
        self._warm = False  # the first batch of a process is slow for reasons of its own
        self._rates: dict[int, list[float]] = {}
        self._judged: float | None = None  # when; None while counts are tried

    @contextmanager
    def batch(self, work: int) -> Iterator[None]:
        """Run a batch of so much `work` (tokens, padding included) on the threads that are due."""
        before = torch.get_num_threads()
        due = self.due(min(before, thread_count()))
        if due != before:
            torch.set_num_threads(due)
        begun = self.clock()
        try:
            yield
        finally:
            if due != before:
                torch.set_num_threads(before)
        self.took(work, self.clock() - begun)

    def due(self, most: int) -> int:
        """The count for the next batch, of `most` at most."""
        if most != self.most:
            self.most, self.threads, self._rates, self._judged = most, most, {}, None
        elif self._judged is not None and self.clock() - self._judged > AGAIN:
            self._rates, self._judged = {}, None
        return self.threads

    def took(self, work: int, seconds: float) -> None:
        """Note a batch's time, and choose the count for the next."""
        if self.most == 1 or self._judged is not None:
            return
        if not self._warm:
            self._warm = True
            return
        self._rates.setdefault(self.threads, []).append(work / max(seconds, 1e-9))
        if len(self._rates[self.threads]) < TRIED:
            return
        rates = {count: max(found) for count, found in self._rates.items()}
        untried = self._worth_trying(rates)
        if untried:
            self.threads = untried
            return
        self._judged = self.clock()
        # Fewer threads must be clearly faster: more of them help when the load is gone.
        self.threads = max(
            count
            for count in rates
            if all(CLEARLY * rates[count] > other for other in rates.values())
        )

    def _worth_trying(self, rates: dict[int, float]) -> int | None:
        """A count that has not been tried: half of the smallest, unless that was clearly slower than
        the one above it, as it is where threads do not wait; or the next above the best.
        """
        tried = sorted(rates)
        slower = len(tried) > 1 and CLEARLY * rates[tried[0]] < rates[tried[1]]
        if tried[0] > 1 and not slower:
            return tried[0] // 2
        best = max(rates, key=lambda count: (rates[count], count))
        above = min(2 * best, self.most)
        return above if above not in rates else None
