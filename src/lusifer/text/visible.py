"""A text as its reader sees it: without characters that cannot be seen, and without long blanks.

Method: soft hyphens, zero-width spaces, word joiners, byte order marks and direction marks go. The two
joiners of Indic and Arabic writing and of emoji stay, and variation selectors: they change what is seen.
More than 32 blanks in a row become one, since a model that cuts a text would read nothing else. Cost: one
pass over a text that is not ASCII, or is long. Not for program source: its blanks mean something.
"""

from __future__ import annotations

import regex

UNSEEN = regex.compile(
    r"(?V1)[[\p{Default_Ignorable_Code_Point}&&\p{Cf}]--[\u200c\u200d\U000E0020-\U000E007F]||\u034f]"
)
BLANKS = regex.compile(r"\s{33,}")
CONTROLS = regex.compile(r"[\p{Cc}--[\t\n]||\u202a-\u202e\u2066-\u2069]", regex.V1)
BREAKS = regex.compile(r"[\t\n\u2028\u2029]")
LONG = 128  # characters that a text has before its blanks are looked at


def visible(text: str) -> str:
    """A text without what cannot be seen.

    Args:
        text: any text.

    Returns:
        The same, where there is nothing to leave out.
    """
    if not text.isascii():
        text = UNSEEN.sub("", text)
    return BLANKS.sub(" ", text) if len(text) > LONG else text


def half_characters(text: str) -> bool:
    """Whether a text holds a lone surrogate, which is no character, and of which no UTF-8 can be
    made.

    Args:
        text: any text.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def printable(text: str) -> str:
    """A text that a terminal shows and does not obey.

    Args:
        text: any text, a document's or a file name.

    Returns:
        The same with each control character, and each that turns the direction of what follows,
        as a replacement character; tabs and line ends stay.
    """
    return CONTROLS.sub("\ufffd", text)


def on_one_line(text: str) -> str:
    """As `printable`, line ends and tabs replaced too: a file name may hold them.

    Args:
        text: a file name, or a message that names one.

    Returns:
        The text on one line.
    """
    return BREAKS.sub("\ufffd", printable(text))
