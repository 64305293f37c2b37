"""How many threads a runtime may use: the cores that this process may run on, by its affinity and by the
quota of its container, and no more than OMP_NUM_THREADS asks for.

A runtime that starts a thread a core of the whole machine waits for threads that never run.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of Linux: microseconds of time, of a period


def thread_count() -> int:
    """The number of threads, 1 at least."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    limits = [cores, _quota() or cores, int(asked) if asked.isdigit() and int(asked) else cores]
    return max(1, min(limits))


def _quota() -> int | None:
    """The cores that the container may use, a part of one counted whole; None without a limit."""
    try:
        share, period = QUOTA.read_text(encoding="ascii").split()
        return None if share == "max" else math.ceil(int(share) / int(period))
    except (OSError, ValueError):
        return None
