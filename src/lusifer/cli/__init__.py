"""`lusifer`: one verb a file. Every error a user can put right is one line on standard error and exit code 2."""

from __future__ import annotations

import sys

from lusifer.errors import LusiferError


def main() -> None:
    """Entry point of the `lusifer` command."""
    from lusifer.cli.app import app

    try:
        app()
    except LusiferError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted; run the same command again to go on", code=130)
    except OSError as error:
        import errno

        if error.errno != errno.ENOSPC:
            raise
        fail(f"{error.filename or 'writing'}: the disk is full; what was finished before is untouched")


def fail(line: str, code: int = 2) -> None:
    """Print one line on standard error and leave."""
    print(f"lusifer: {' '.join(line.split())}", file=sys.stderr)
    raise SystemExit(code)
