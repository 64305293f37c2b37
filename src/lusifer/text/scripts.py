"""Which script a text is written in (ISO 15924), by the Unicode property of its letters.

Method: compatibility forms are made one (half-width kana, full-width Latin), then each letter's script
is counted. Cost: one look-up a letter, remembered for 65,536 of them. Japanese and Korean are named as
the languages' files name them, `Jpan` and `Kore`; Han alone is `Hani`.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache, lru_cache

import regex

MIN_LETTERS = 4  # below this many no script is asked for
MUCH = 2000  # characters that are looked at
WRITTEN_IN = {  # names of several scripts together
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
}
SCRIPTS = tuple(
    "Latn Cyrl Arab Deva Hani Hira Kana Hang Grek Hebr Thai Beng Taml Telu Knda Mlym Gujr Guru Orya Sinh Armn Geor Ethi Khmr Laoo "
    "Mymr Tibt Mong Thaa Syrc Cans Cher Nkoo Adlm Tfng Vaii Yiii Olck Mtei Cakm Java Bali Sund Bugi Batk Lepc Limb Lisu Lana Tale "
    "Talu Tavt Cham Kali Rohg Saur Tglg Hano Buhd Tagb Copt Goth Runr Ogam Bopo Bamu Hmnp Hmng Plrd Mroo Wara Osge Sora Newa Tirh "
    "Kthi Sidd Modi Khoj Sind Takr Dogr Gong Gonm Wcho Nand Rjng Bhks Ahom Cprt Brai Samr Mand Dsrt Shaw Dupl Mend Medf".split()
)


@cache
def _pattern(script: str) -> regex.Pattern[str] | None:
    if not script:
        return None
    try:
        return regex.compile(rf"\p{{Script_Extensions={script}}}")
    except regex.error:
        return None


@lru_cache(maxsize=65536)
def script_of_letter(letter: str) -> str:
    """The script of one letter; `Zyyy` where it has none of its own."""
    for script in SCRIPTS:
        pattern = _pattern(script)
        if pattern is not None and pattern.match(letter):
            return script
    return "Zyyy"


def letters_of(text: str) -> list[str]:
    """The letters of a text's beginning, compatibility forms made one."""
    return [c for c in unicodedata.normalize("NFKC", text[:MUCH]) if c.isalpha()]


def script_of(text: str) -> str:
    """The script that most letters of a text are of.

    Args:
        text: of any length; its first 2,000 characters are looked at.

    Returns:
        An ISO 15924 code; `Jpan` where kana stand among Han characters, `Kore` for Hangul, `Zyyy`
        for a text without a letter.
    """
    counts = Counter(map(script_of_letter, letters_of(text)))
    counts.pop("Zyyy", None)
    if not counts:
        return "Zyyy"
    kana = counts.pop("Hira", 0) + counts.pop("Kana", 0)
    if kana:
        counts["Jpan"] = kana + counts.pop("Hani", 0)
    if "Hang" in counts:
        counts["Kore"] = counts.pop("Hang") + counts.pop("Hani", 0)
    return max(counts, key=lambda script: counts[script])


def in_script(text: str, code: str) -> bool:
    """Whether at least half of a text's letters are of a script.

    Args:
        text: of any length; its first 2,000 characters are looked at.
        code: ISO 15924, such as `Deva` or `Jpan`.

    Returns:
        True too where there are fewer than four letters, or Unicode has no such script.
    """
    wanted = WRITTEN_IN.get(code, (code,))
    letters = letters_of(text)
    if len(letters) < MIN_LETTERS or not any(_pattern(script) for script in wanted):
        return True
    return 2 * sum(script_of_letter(c) in wanted for c in letters) >= len(letters)
