"""Texts as people also write them: other case, no accents, typing errors, Latin letters. The same
seed gives the same texts.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

from lusifer.text import latin

# of the words of four letters and more get two neighbouring letters exchanged, one at least
TYPING = 0.1


def lower(text: str) -> str:
    """All small letters."""
    return text.lower()


def upper(text: str) -> str:
    """All capitals."""
    return text.upper()


def no_accents(text: str) -> str:
    """Without marks on Latin, Greek and Cyrillic letters; elsewhere marks are vowels, and stay."""
    characters: list[str] = []
    base = ""
    for c in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(c):
            base = c
        elif base and unicodedata.name(base, "").startswith(("LATIN", "GREEK", "CYRILLIC")):
            continue
        characters.append(c)
    return unicodedata.normalize("NFC", "".join(characters))


def typing_errors(text: str, seed: int = 0) -> str:
    """Two neighbouring letters exchanged in some words; without spaces, in some places."""
    rng = random.Random(f"{seed}:{text}")
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if sum(c.isalpha() for c in word) >= 4]
    for i in rng.sample(long, max(1, round(len(long) * TYPING))) if long else ():
        word = words[i]
        places = [
            j for j in range(len(word) - 1) if word[j : j + 2].isalpha() and word[j] != word[j + 1]
        ]
        if places:
            j = rng.choice(places)
            words[i] = word[:j] + word[j + 1] + word[j] + word[j + 2 :]
    return " ".join(words)


CHANGES: dict[str, Callable[[str], str]] = {
    "lower case": lower,
    "upper case": upper,
    "no accents": no_accents,
    "typing errors": typing_errors,
    "Latin letters": latin,
}
