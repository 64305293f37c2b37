"""Any script in Latin letters, as people write it on a keyboard without their own."""

from __future__ import annotations

from lusifer.errors import MissingExtra


def latin(text: str) -> str:
    """Transliterate a text to ASCII letters, character by character (anyascii).

    Args:
        text: in any script; what is ASCII already stays.

    Raises:
        MissingExtra: without anyascii.
    """
    try:
        from anyascii import anyascii
    except ModuleNotFoundError:
        raise MissingExtra("anyascii", "train") from None
    return str(anyascii(text))
