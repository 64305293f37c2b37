"""Sentences, and passages cut at their ends, in any script.

Method: a full stop of the Latin kind ends a sentence where white space follows and no small letter
after it, and where no initial or known abbreviation stands before it; the marks of other scripts (。
। ۔ ። ။ ། …) end one by themselves; a blank line always does. Thai and Lao write a space there and
nothing else. A sentence longer than a passage is cut at a comma, or a space, or where it must.
Cost: one regular expression over the text. Not a parser: "on 3. May" in a list may be cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from lusifer.text.scripts import letters_of, script_of

CLOSING = "\"'”’»›)\\]」』）】〉》"
LINE_END = r"(?:\r\n|[\n\r\x0b\x0c\x85\u2028])"  # of Windows, Unix, old Macs and Unicode
ENDS = re.compile(
    rf"(?<![.!?…])(?P<spaced>[.!?…;\u037e][.!?…]*+[{CLOSING}]*+)(?=\s)"
    rf"|[。！？｡．]+[{CLOSING}]*"
    rf"|[।॥۔؟።፧፨။។៕༎།܀՜՞։᠃᱾]+[{CLOSING}]*"
    rf"|(?P<blank>{LINE_END}[^\S\r\n\u2028]*{LINE_END}\s*|\u2029\s*)"
    r"|(?P<space>(?<=[\u0e00-\u0eff])[ ]+(?=[\u0e00-\u0eff]))"
)
ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st nr no vs etc fig ca bzw usw vgl sr sra srta mme mlle jr sen gen col capt art pp vol ed inc ltd co".split()
)
BLANK_LINE = re.compile(rf"{LINE_END}\s*?{LINE_END}|\u2029")
NEXT = re.compile(r"\s*(\S?)")
LAST_WORD = re.compile(r"(\w+)\.?$")
SOFT = re.compile(r"[,;:،、，；：]\s*|\s+")
SENTENCE = 12  # letters of a heading that may be a sentence of its own
WIDE = 2.5  # a Han character or kana carries about as much as so many letters


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence of `text`, white space around it left out."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in ENDS.finditer(text):
        if match["spaced"] and not _ends(text, match):
            continue
        _append(spans, text, start, match.start() if match["blank"] else match.end())
        start = match.end()
    _append(spans, text, start, len(text))
    return spans


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a mark of the Latin kind, with white space behind it, ends a sentence."""
    mark = match["spaced"]
    if mark[0] == ";":
        return "\u0370" <= text[max(0, match.start() - 1)] <= "\u03ff"  # the Greek question mark
    behind = NEXT.match(text, match.end())
    if behind and behind[1].islower():
        return mark[0] in "!?" and "\n" in text[match.end() : match.end() + 3]
    if mark != ".":
        return True
    word = LAST_WORD.search(text, max(0, match.start() - 24), match.start())
    if word is None:
        return True
    return not (
        word[1].lower() in ABBREVIATIONS
        or (len(word[1]) == 1 and word[1].isalpha())
        or (word[1].isdigit() and len(word[1]) < 3)
    )


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def weight(text: str) -> float:
    """The length of a text in letters; a wide character counts for `WIDE`."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text) if not text.isascii() else 0
    return len(text) + (WIDE - 1) * wide


def passages(text: str, size: int = 500) -> Iterator[tuple[int, int]]:
    """(start, end) of passages of whole sentences, each at most about `size` letters; a blank line
    begins a new one.

    A piece under a sixth of `size` (a heading) stays with what follows it, unless that is in another
    script: a passage has one language.
    """
    first = last = -1
    pending = 0.0
    for start, end in _pieces(text, size):
        more = weight(text[start:end])
        apart = last >= 0 and BLANK_LINE.search(text, last, start) is not None
        if last >= 0 and (
            pending + more > size
            or (apart and (pending > size / 6 or _other_script(text[first:last], text[start:end])))
        ):
            yield first, last
            first, pending = -1, 0.0
        if first < 0:
            first = start
        last, pending = end, pending + more
    if last >= 0:
        yield first, last


def _other_script(before: str, after: str) -> bool:
    """Whether two pieces of text are in two scripts, each with letters enough to be a sentence; Han
    characters alone may be of either language that mixes them with its own.
    """
    scripts = {script_of(before), script_of(after)} - {"Zyyy"}
    if len(scripts) < 2 or ("Hani" in scripts and scripts & {"Jpan", "Kore"}):
        return False
    return all(weight("".join(letters_of(text))) >= SENTENCE for text in (before, after))


def _pieces(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Sentences, those longer than `size` cut."""
    for start, end in sentences(text):
        while weight(text[start : min(end, start + size)]) > size or end - start > size:
            room = size if text[start : start + size].isascii() else _fitting(text, start, size)
            cut = start + room
            soft = [m.end() for m in SOFT.finditer(text, start + room // 2, cut)]
            cut = soft[-1] if soft else cut
            while cut < end - 1 and unicodedata.combining(text[cut]):
                cut += 1
            yield start, start + len(text[start:cut].rstrip())
            start = cut
        if start < end:
            yield start, end


def _fitting(text: str, start: int, size: int) -> int:
    """How many characters from `start` weigh `size`, one at least."""
    total = 0.0
    for n, character in enumerate(text[start : start + size]):
        total += WIDE if unicodedata.east_asian_width(character) in "WF" else 1
        if total > size:
            return max(1, n)
    return size
