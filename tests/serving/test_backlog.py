"""What waits is counted by kind and told in seconds; a request that would come too late is refused."""

from __future__ import annotations

import pytest

from lusifer.serving.backlog import Backlog
from lusifer.serving.faults import Fault
from lusifer.serving.metrics import Metrics
from lusifer.serving.settings import Limits


def test_a_large_batch_tells_more_of_the_pace_than_a_small_one() -> None:
    backlog = Backlog(Limits(batch_tokens=1000), Metrics())
    backlog.note("m", 1000, 1.0)
    for _ in range(3):
        backlog.note("m", 2, 0.2)  # a hundredth of the pace, of a hundredth of the work
    assert backlog.paces["m"].takes(1000) == pytest.approx(1.17, rel=0.01), "each as an eighth"
    for _ in range(20):
        backlog.note("m", 1000, 4.0)
    assert backlog.paces["m"].takes(1000) == pytest.approx(4.0, rel=0.05), "of late"


def test_waiting_by_kind() -> None:
    backlog = Backlog(Limits(seconds=10, waiting=50, batch_tokens=40), Metrics())
    backlog.refuse_if_full("m", 1_000_000)  # nothing waits: always taken
    backlog.enter("m", 40)
    backlog.refuse_if_full("m", 10)
    backlog.refuse_if_full("m", 0)
    with pytest.raises(Fault, match="busy"):
        backlog.refuse_if_full("m", 11)
    backlog.note("m", 40, 4.0)
    for _ in range(5):
        assert backlog.wait() == pytest.approx(4.0), "a search's pace is not known yet"
        backlog.note("search", 1, 2.0)
    backlog.enter("search", 1)
    assert backlog.wait() == pytest.approx(6.0)
    backlog.refuse_if_full("search", 1)  # 8 of 10 seconds
    backlog.enter("search", 1)
    with pytest.raises(Fault) as caught:
        backlog.refuse_if_full("search", 1)
    assert (caught.value.status, caught.value.headers()["Retry-After"]) == (429, "4")
    for kind, units in (("m", 40), ("search", 1), ("search", 1)):
        backlog.leave(kind, units)
    assert (backlog.total, dict(backlog.waiting)) == (0, {})
