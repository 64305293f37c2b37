"""Threads step down where other work has their cores, and come back when it has gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lusifer.models.backends import pace
from lusifer.models.backends.pace import ThreadPace

Machine = Callable[[int], float]  # threads → tokens a second


def quiet(cores: int) -> Machine:
    return lambda threads: 1000.0 * min(threads, cores)


def busy(free: int) -> Machine:
    """Only `free` cores run: more threads than that wait for each other."""
    return lambda threads: 1000.0 * threads if threads <= free else 300.0


def run(
    pace: ThreadPace, machine: Machine, batches: int, most: int, time: list[float]
) -> list[int]:
    """The threads that each batch was given."""
    given = []
    for batch in range(batches):
        threads = pace.due(most)
        seconds = (500 + 37 * (batch % 3)) / machine(threads)
        time[0] += seconds
        pace.took(500, seconds)
        given.append(threads)
    return given


@pytest.mark.parametrize(
    ("most", "free", "expected"),
    [(2, 1, 1), (4, 3, 2), (4, 1, 1), (16, 4, 4), (8, 8, 8), (1, 1, 1)],
)
def test_a_busy_machine_is_given_fewer_threads(most: int, free: int, expected: int) -> None:
    time = [0.0]
    given = run(ThreadPace(lambda: time[0]), busy(free), 60, most, time)
    assert given[0] == most
    assert set(given[-20:]) == {expected}


@pytest.mark.parametrize("cores", [2, 3, 4, 6, 16])
def test_a_quiet_machine_keeps_all_but_a_few_batches(cores: int) -> None:
    time = [0.0]
    given = run(ThreadPace(lambda: time[0]), quiet(cores), 400, cores, time)
    fewer = sum(threads < cores for threads in given)
    assert fewer <= 2 * (1 + time[0] / pace.AGAIN)


def test_threads_come_back_when_the_load_has_gone() -> None:
    time = [0.0]
    stepping = ThreadPace(lambda: time[0])
    assert run(stepping, busy(1), 40, 4, time)[-1] == 1
    assert run(stepping, quiet(4), 900, 4, time)[-1] == 4


def test_a_model_gets_its_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "thread_count", lambda: 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPace().batch(10):
            assert torch.get_num_threads() == 1  # what the container may use
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
