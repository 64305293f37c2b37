"""Threads follow what the process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lusifer.models.backends import threads


@pytest.mark.parametrize(
    ("cores", "quota", "asked", "expected"),
    [
        (8, "max 100000", "", 8),
        (8, "250000 100000", "", 3),
        (8, "50000 100000", "", 1),
        (2, "400000 100000", "", 2),
        (8, "max 100000", "3", 3),
        (8, "max 100000", "64", 8),
        (8, "max 100000", "none", 8),
        (8, "damaged", "0", 8),
        (8, None, "", 8),
    ],
)
def test_the_least_of_affinity_quota_and_what_is_asked(
    cores: int,
    quota: str | None,
    asked: str,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(threads, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads.thread_count() == expected
