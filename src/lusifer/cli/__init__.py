"""`lusifer`: one verb a file. Every error a user can put right is one line on standard error and
exit code 2.
"""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

from lusifer.errors import LusiferError, MissingExtra
from lusifer.io import disk_full

EXTRAS = {
    "torch": "train",
    "transformers": "train",
    "sentence_transformers": "train",
    "peft": "train",
    "accelerate": "train",
}

INTERRUPTED = "interrupted; run the same command again to go on"


def main() -> None:
    """Entry point of the `lusifer` command."""
    try:
        import typer

        from lusifer.cli.app import app
    except KeyboardInterrupt:
        fail(INTERRUPTED, code=130)
    for stream in (sys.stdout, sys.stderr):
        # Where a console or a file cannot hold a character, a mark in its place is better than nothing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Read by torch's threads when they start: how long one waits awake for the others. Their own
    # default holds a core for milliseconds that another process may need.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    command = typer.main.get_command(app)
    try:
        code = command.main(prog_name="lusifer", standalone_mode=False)
    except LusiferError as error:
        fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        fail(INTERRUPTED, code=130)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        fail(str(MissingExtra(package, EXTRAS[package])))
    except Exception as error:
        if disk_full(error):
            file = getattr(error, "filename", None)
            where = os.fsdecode(file) if file else "writing"
            fail(f"{where}: the disk is full; what was finished before is untouched")
        if isinstance(error, FileNotFoundError) and not _folder_is_there():
            fail("the current folder is gone; change into one that is there")
        if isinstance(error, OSError) and error.filename is not None:
            fail(f"{os.fsdecode(error.filename)}: {error.strerror or 'cannot be used'}")
        if not hasattr(error, "format_message"):  # typer's own usage errors have it
            raise
        if not (message := error.format_message()):  # of a verb's group without a verb: its help
            raise SystemExit(2) from None
        fail(message)
    else:
        if code == 130:  # typer turns Ctrl-C into this code, and says nothing
            fail(INTERRUPTED, code=130)
        raise SystemExit(code or 0)


def _folder_is_there() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def fail(line: str, code: int = 2) -> NoReturn:
    """Print one line on standard error and leave."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(line.split()))
    print(f"lusifer: {shown}", file=sys.stderr)
    raise SystemExit(code)
