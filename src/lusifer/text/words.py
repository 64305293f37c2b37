"""Text → the words that full-text search compares, in any script.

Compatibility forms are made one, letters small, accents of Latin, Greek and Cyrillic taken off (a
search for "cafe" finds "café"), other marks kept (they are vowels in Hindi). Scripts without spaces
become overlapping pairs of characters (CJK bigrams), as search engines do. No stemming: it would
need the language.
"""

from __future__ import annotations

import re
import unicodedata

SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
RUNS = re.compile(
    rf"[{SPACELESS}]+|(?:(?![{SPACELESS}])[\w\u0900-\u0dff\u0f00-\u0fff\u200c\u200d])+"
)
BARE = ("LATIN", "GREEK", "CYRILLIC")


def terms(text: str) -> str:
    """The words of `text`, separated by spaces."""
    words: list[str] = []
    for run in RUNS.findall(_bare(text)):
        if run[0] >= "\u0e00" and re.match(f"[{SPACELESS}]", run[0]):
            words.extend(run[i : i + 2] for i in range(len(run) - 1)) if len(
                run
            ) > 1 else words.append(run)
        else:
            words.append(run)
    return " ".join(words)


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFD", folded):
        if not unicodedata.combining(character):
            base = character
        elif unicodedata.name(base or " ", "").startswith(BARE):
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))
