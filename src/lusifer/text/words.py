"""Text → the words that full-text search compares, in any script.

Method: characters and their properties are the Unicode database's (the library `regex`). Compatibility
forms are made one, letters small, what cannot be seen is dropped, digits of every script become 0 to 9.
Marks that a writer may leave out go (accents of Latin, Greek and Cyrillic, points of Hebrew and
Arabic), with them strokes and hooks of letters; vowel signs stay. Arabic letter forms are made one as
Lucene's normalizers do. Scripts without spaces, and Hangul, whose particles are written on the word,
become single characters and overlapping pairs; a query asks for the pairs, or for its single character.
A word that a line's end breaks, or a non-joiner in Persian, counts whole and in parts. Cost: some passes of regular expressions over
the text. No stemming: it would need the language.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator

import regex

from lusifer.text.unwrap import BROKEN, WRAPPED

ZWNJ = "\u200c"
LONGEST = 200  # characters of a word; what is longer is no word, and is compared by its beginning
UNSPACED = (
    r"\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{Thai}\p{Laoo}\p{Khmr}\p{Mymr}"
    r"\p{Lana}\p{Tale}\p{Talu}\p{Tavt}\p{Java}\p{Bali}\p{Yiii}"
)
WORD = r"[\p{L}\p{M}\p{N}]"
WORDS = regex.compile(
    rf"(?V1)(?P<unspaced>[[{UNSPACED}]&&[\p{{L}}\p{{M}}]]+)"
    rf"|(?P<word>[{WORD}--[{UNSPACED}--\p{{N}}]]+)"
    r"|(?P<sign>\p{RI}{2}|\p{Extended_Pictographic})"
)
IGNORED = regex.compile(r"[\p{Default_Ignorable_Code_Point}\u0640]+")  # and the tatweel
MARKS = regex.compile(
    r"(?<=[\p{Latn}\p{Grek}\p{Cyrl}\p{Copt}\p{Arab}\p{Hebr}\p{Syrc}\p{Ethi}\p{N}])[\p{Mn}\p{Me}]+"
)
# From a run's first letter alone, and without going back: a run of a million letters is read once.
PARTED = regex.compile(r"(?<![\p{Arab}\p{M}])[\p{Arab}\p{M}]++(?:\u200c++[\p{Arab}\p{M}]++)++")
CLUSTERS = regex.compile(r"\X")
BARE = ("LATIN SMALL LETTER ", "CYRILLIC SMALL LETTER ")
# Spellings of one thing that Unicode keeps apart: final consonants of Malayalam and Bengali in their
# earlier form, with a joiner; a nasal of Devanagari before a stop of its own place, which is written as
# a point too; Persian heh with hamza in one piece; Armenian yev in small letters and in capitals.
FINALS = {
    **dict(zip("ണനരലളക", "ൺൻർൽൾൿ", strict=True)),
    "ত": "ৎ",
}
FINAL = regex.compile(r"([ണനരലളകত])[\u0d4d\u09cd]\u200d")
NASAL = regex.compile(r"ङ्(?=[क-घ])|ञ्(?=[च-झ])|ण्(?=[ट-ढ])|न्(?=[त-ध])|म्(?=[प-भ])|ँ")
IOTA = regex.compile(r"[\u0345\u1f80-\u1fff]")  # letters that may carry it below
APOSTROPHE = "ʻʼ"  # that is a letter: Hawaiʻi, oʻzbek
SPELT = regex.compile(
    rf"(?V1)(?<![[\p{{L}}\p{{M}}]--[{APOSTROPHE}]])[[\p{{L}}\p{{M}}]--[{APOSTROPHE}]]++"
    rf"(?:[{APOSTROPHE}]++[[\p{{L}}\p{{M}}]--[{APOSTROPHE}]]++)++"
)
FORMS = {  # by Lucene's ArabicNormalizer and PersianNormalizer; and letters that have no name in parts
    **dict(zip("ٱىیےکہة", "ايييكهه", strict=True)),
    **dict(zip("װױײ", ("וו", "וי", "יי"), strict=True)),
    "ı": "i",
    "œ": "oe",
    "æ": "ae",
    "ð": "d",
    "þ": "th",
    **dict.fromkeys(APOSTROPHE, ""),
    "\u093c": "",  # the nukta of Devanagari, which many leave out
}


def terms(text: str) -> str:
    """The words of a text that is searched, separated by spaces."""
    whole = WRAPPED.sub("", BROKEN.sub(r"\1\2 \1 \2", text))
    whole = PARTED.sub(lambda match: f"{match[0]} {match[0].replace(ZWNJ, ' ')}", whole)
    whole = SPELT.sub(lambda match: f"{match[0]} {match[0].translate(_SPACED)}", whole)
    return " ".join(term for found in _found(whole) for term in _all_terms(*found))


def query_terms(text: str) -> str:
    """The words that a query asks for, among those of `terms`."""
    whole = WRAPPED.sub("", BROKEN.sub(r"\1\2", text))
    whole = SPELT.sub(lambda match: f"{match[0]} {match[0].translate(_SPACED)}", whole)
    return " ".join(term for found in _found(whole) for term in _asked_terms(*found))


def _found(text: str) -> Iterator[tuple[str, bool]]:
    """Each run of letters, and whether its script writes no spaces between words."""
    for match in WORDS.finditer(folded(text)):
        yield match[0], match["unspaced"] is not None


def _all_terms(run: str, unspaced: bool) -> list[str]:
    if not unspaced:
        return [run[:LONGEST]]
    clusters = CLUSTERS.findall(run)
    return [*clusters, *map("".join, itertools.pairwise(clusters))]


def _asked_terms(run: str, unspaced: bool) -> list[str]:
    if not unspaced:
        return [run[:LONGEST]]
    clusters = CLUSTERS.findall(run)
    return list(map("".join, itertools.pairwise(clusters))) or clusters


def folded(text: str) -> str:
    """A text in the form in which its words are compared."""
    same = unicodedata.normalize("NFKC", text)
    if IOTA.search(same):  # or small letters would make a letter of it
        same = unicodedata.normalize("NFD", same).replace("\u0345", "")
    same = same.casefold()
    if same.isascii():
        return same
    same = FINAL.sub(lambda match: FINALS[match[1]], same).replace("ۀ", "ه").replace("եւ", "եվ")
    parted = unicodedata.normalize("NFD", IGNORED.sub("", same))
    bare = unicodedata.normalize("NFC", MARKS.sub("", parted))
    return NASAL.sub("ं", bare.translate(_letters))


_SPACED = str.maketrans(dict.fromkeys(APOSTROPHE, " "))


class _Letters(dict[int, str]):
    """What stands for a letter in comparing, found when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _letter(chr(code))
        return found


_letters = _Letters()


def _letter(character: str) -> str:
    """A letter without its stroke, hook or tail, and a digit as one of 0 to 9."""
    if character in FORMS:
        return FORMS[character]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    name = unicodedata.name(character, "")
    base, _, more = name.partition(" WITH ")
    if more and base.startswith(BARE):
        try:
            return unicodedata.lookup(base)
        except KeyError:  # the letter is in Unicode with its stroke alone
            return character
    return character
