"""Processes that train together, as `torchrun` starts them, forked from one that has imported the
libraries once: importing them takes longer than what the tests do.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.training.preload"])


def together(
    work: Callable[..., object],
    *arguments: Any,
    errors: Path,
    timeout: float = 240,
    **environment: str,
) -> str:
    """Run a function in two CPU processes that can talk to each other.

    Args:
        work: what each process calls; it can be imported by its name.
        arguments: for `work`.
        errors: a folder for what they write to standard error.
        timeout: seconds for all of it.
        environment: further variables of both.

    Returns:
        What both wrote to standard error.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes, files = [], []
    for rank in ("0", "1"):
        files.append(errors / f"rank-{rank}-{port}.txt")
        variables = {
            **os.environ, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1", **environment,
        }  # fmt: skip
        process = FORKS.Process(target=_within, args=(files[-1], variables, work, arguments))
        process.start()
        processes.append(process)
    running, end = {process.sentinel: process for process in processes}, time.monotonic() + timeout
    while running:  # one that failed leaves the other waiting for it: both end then
        for sentinel in wait(list(running), max(0.0, end - time.monotonic())) or [None]:
            ended = running.pop(sentinel, None) if sentinel else None
            if ended is None or ended.exitcode:
                running.clear()
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()  # one that waits for another that failed
    told = "".join(file.read_text(encoding="utf-8") for file in files if file.exists())
    assert codes == [0, 0], told[-4000:]
    return told


def command(*arguments: str) -> None:
    """`lusifer` with these arguments, in a process of its own."""
    from lusifer.cli import main

    sys.argv = ["lusifer", *arguments]
    main()


def _within(
    errors: Path, variables: dict[str, str], work: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    with errors.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
        sys.stderr = file
        os.environ.clear()
        os.environ.update(variables)
        try:
            work(*arguments)
        except Exception:
            traceback.print_exc()
            raise SystemExit(1) from None
