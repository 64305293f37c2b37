"""Files as people have them → pieces of text with their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lusifer.data.formats import Problem, Section, format_of
from lusifer.errors import DataError
from lusifer.text import half_characters


def sections(path: str | Path) -> Iterator[Section | Problem]:
    """The text of one file, streamed, in order, and what is wrong with single rows of it.

    Args:
        path: a file of a format that is known.

    Returns:
        Stretches of text, and where they stand (line, row or page).

    Raises:
        DataError: where it holds no text, or cannot be read.
    """
    path = Path(path)
    try:
        for found in format_of(path).sections(path):
            if isinstance(found, Section) and half_characters(found.text):
                what = "holds half a character (a lone surrogate, from a text that was cut)"
                yield Problem(str(path), found.position, what)
            else:
                yield found
    except PermissionError:
        raise DataError(path, None, "may not be read (permission denied)") from None
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from None
