"""How much work waits, how long it will take, and whether one more request may join it.

Method: units of work of a kind (tokens of a model, questions, pairs' tokens) that wait are counted,
and the units and seconds of what was done are summed with a weight that fades by units, so that a
large batch tells more of the pace than a small one. What waits, at its pace, is the time that a new
request would wait.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.settings import Limits

KEEP = 0.8  # of what the pace knew stays after work as large as a full batch
LEAST = 1 / 8
CALLS = 8  # of work that is counted by calls, as searches are
PATIENCE = 0.8  # of a request's time may go by in the queue


@dataclass
class WorkPace:
    """Units of work done and their seconds, of late; `usual` units make a full weight."""

    usual: float
    units: float = 0.0
    seconds: float = 0.0

    def note(self, units: float, seconds: float) -> None:
        """Work that was done. A call costs something however little it does, so that less than
        `LEAST` of the usual counts as that: one short text tells little of the pace of many.
        """
        units = max(units, LEAST * self.usual)
        keep = KEEP ** (units / self.usual)
        self.units, self.seconds = keep * self.units + units, keep * self.seconds + seconds

    def takes(self, units: float) -> float:
        """Seconds for so many units; 0 until half of the usual has been seen."""
        return units * self.seconds / self.units if self.units >= self.usual / 2 else 0.0


@dataclass
class Backlog:
    """What waits, by kind."""

    limits: Limits
    metrics: Metrics
    waiting: Counter[str] = field(default_factory=Counter)
    paces: dict[str, WorkPace] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Units of all kinds that wait."""
        return self.waiting.total()

    def enter(self, kind: str, units: int) -> None:
        """So many units wait now."""
        self.waiting[kind] += units

    def leave(self, kind: str, units: int) -> None:
        """So many do no more: they are being done, or nobody wants them."""
        self.waiting[kind] -= units
        if not self.waiting[kind]:
            del self.waiting[kind]

    def note(self, kind: str, units: int, seconds: float) -> None:
        """How long work took."""
        usual = self.limits.batch_tokens if units > 1 else CALLS
        self.paces.setdefault(kind, WorkPace(usual)).note(units, seconds)

    def wait(self) -> float:
        """Seconds until all that waits is done."""
        known = ((self.paces.get(kind), units) for kind, units in self.waiting.items())
        return sum(pace.takes(units) for pace, units in known if pace)

    def refuse_if_full(self, kind: str, units: int) -> None:
        """Raise Fault (429) where so many more units would be too many, or would be done when the
        time of a request is over. A request that finds nothing waiting is always taken.
        """
        if not units or not self.waiting:
            return
        wait = self.wait()
        pace = self.paces.get(kind)
        late = wait + (pace.takes(units) if pace else 0.0) > PATIENCE * self.limits.seconds
        if late or self.total + units > self.limits.waiting:
            self.metrics.refused.inc()
            raise Fault(
                429, "the server is busy; ask again after Retry-After seconds", "busy", wait / 2
            )
