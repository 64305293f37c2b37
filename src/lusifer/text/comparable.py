"""What two texts must share to be the same to a reader: case, white space and the marks between and
after sentences apart, all else alike.

Method: width and compatibility forms are made one, but for raised and lowered digits and fractions
(10² is not 102); letters small; white space is one space; full stops, commas, question marks and the
like go where a space or the text's end follows a letter or digit and them, quotation marks anywhere.
Signs stay: C++ is not C, -5 not 5, 1.5 not 15. Cost: a few regular expressions. Not for near copies.
"""

from __future__ import annotations

import unicodedata

import regex

RAISED = regex.compile(r"([\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u215f]+)")
MARKS = regex.compile(
    r"(?<=[\p{L}\p{M}\p{N}\p{S}][\p{Pf}\p{Pe}\"']*)[\p{Sentence_Terminal},;:،、，；：]+(?=\s|$)"
    r"|[,;:،、，；：]+(?=\s|$)"
)
QUOTES = regex.compile(r"[\p{Pi}\p{Pf}\"¿¡]")


def comparable(text: str) -> str:
    """A text in the form in which it is the same as others.

    Args:
        text: any text.

    Returns:
        That form; the text's own characters where nothing of it would be left.
    """
    parts = RAISED.split(text)
    same = "".join(
        part if number % 2 else unicodedata.normalize("NFKC", part)
        for number, part in enumerate(parts)
    )
    spaced = " ".join(QUOTES.sub("", same).casefold().split())
    return " ".join(MARKS.sub("", spaced).split()) or text
