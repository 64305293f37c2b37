"""The command as a user types it, within this process: a process of its own costs seconds of
imports each time. `in_a_process` is that, for what depends on it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from lusifer.cli import main

QUIETED = (None, "lusifer", "transformers", "sentence_transformers", "httpx", "accelerate")


@contextlib.contextmanager
def settings_restored() -> Iterator[None]:
    """Undo what the command sets for its whole process, since here the process goes on."""
    levels = {name: logging.getLogger(name).level for name in QUIETED}
    handlers, bars = list(logging.root.handlers), True
    if "transformers" in sys.modules:
        from transformers.utils.logging import is_progress_bar_enabled

        bars = is_progress_bar_enabled()
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if bars and "transformers" in sys.modules:
            from transformers.utils.logging import enable_progress_bar

            enable_progress_bar()


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command's exit code and what it printed."""
    out, told = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(told),
        mock.patch.object(sys, "argv", ["lusifer", *arguments]),
        mock.patch.dict(os.environ),
        warnings.catch_warnings(),
        settings_restored(),
    ):
        warnings.simplefilter("ignore")
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), told.getvalue())


def in_a_process(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own, as a user starts it."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "lusifer", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
        env=os.environ,
    )


def refused(*arguments: str, cwd: Path | None = None) -> str:
    """The one line that a refusal prints."""
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 2, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lusifer: ")
    return lines[0]
