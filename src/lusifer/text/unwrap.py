"""A text whose lines a page's width broke → one line, as it is read.

Method: a word with a hyphen at its line's end is put together where the next line goes on in a small
letter; between two characters of a script without spaces a line's end is nothing; elsewhere it is a
space. Cost: three regular expressions. Not for poems, tables or code: their lines mean something.
"""

from __future__ import annotations

import regex

WIDE = r"[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{Thai}\p{Laoo}\p{Khmr}\p{Mymr}\u3000-\u303f\uff00-\uff60]"
BROKEN = regex.compile(
    r"(?<![\p{L}\p{M}])([\p{L}\p{M}]++)[-\u2010\u00ad][ \t]*(?:\r\n?|[\n\u2028])[ \t]*([\p{Ll}\p{Lo}][\p{L}\p{M}]*+)"
)
WRAPPED = regex.compile(rf"(?<={WIDE})[ \t]*(?:\r\n?|[\n\u2028])[ \t]*(?={WIDE})")


def unwrap(text: str) -> str:
    """A passage in one line.

    Args:
        text: as it stands in its file, of one paragraph or several.

    Returns:
        The same text without line ends; each stretch of white space is one space.
    """
    return " ".join(WRAPPED.sub("", BROKEN.sub(r"\1\2", text)).split())
