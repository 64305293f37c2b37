"""Files as people have them → pieces of text with their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lusifer.data.formats import Section, format_of
from lusifer.errors import DataError


def sections(path: str | Path) -> Iterator[Section]:
    """The text of one file, streamed, in order.

    Args:
        path: a file of a format that is known.

    Returns:
        Stretches of text, and where they stand (line, row or page).

    Raises:
        DataError: where it holds no text, or cannot be read.
    """
    path = Path(path)
    try:
        yield from format_of(path).sections(path)
    except PermissionError:
        raise DataError(path, None, "may not be read (permission denied)") from None
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from None
