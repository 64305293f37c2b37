"""Which language a text is in: by its script where that tells, else by py3langid (offline) among the
languages of the script, on texts long enough to tell.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lusifer.errors import LusiferError
from lusifer.text.scripts import letters_of, script_of
from lusifer.text.sentences import weight

MIN_LETTERS = 40  # below this, identification of a single sentence is a guess
SURE = 0.99
LIKELY = 0.7  # of the languages of a script, what a passage's language must have
SHORT = 12  # letters (a Han character counts for 2.5) under which a passage of an ambiguous script is `und`
HAN = 20  # the same of Han characters alone, as in a Japanese or Korean heading
UNKNOWN = "und"
# The languages that are told apart, by script; in a script that is not here, all others.
WRITTEN = {
    "Arab": "ar arz ary fa ku ps sd sdh ug ur ks az pa ms uz kk",
    "Armn": "hy",
    "Beng": "bn as",
    "Cyrl": "ba be bg kk ky mk mn ru sr tg tt uk uz ku crh az ug",
    "Deva": "gom hi mr ne sa ks sd",
    "Ethi": "am ti",
    "Geor": "ka",
    "Grek": "el grc",
    "Gujr": "gu",
    "Guru": "pa",
    "Hani": "zh wuu yue ja ko",
    "Hebr": "he hbo yi",
    "Jpan": "ja",
    "Khmr": "km",
    "Knda": "kn",
    "Kore": "ko",
    "Laoo": "lo",
    "Mlym": "ml",
    "Mong": "mn",
    "Mymr": "my",
    "Orya": "or",
    "Sinh": "si",
    "Taml": "ta",
    "Telu": "te",
    "Thaa": "dv",
    "Thai": "th",
    "Tibt": "bo dz",
}
LATIN_TOO = frozenset("az crh ku kk ms sr ug uz".split())  # of the languages above
# Varieties that short texts of the language beside them are taken for; found where that one is asked for
VARIETIES = {
    **dict.fromkeys(("ary", "arz"), "ar"),
    **dict.fromkeys(("wuu", "yue"), "zh"),
    **dict.fromkeys(("gcf", "gcr"), "fr"),
    "ext": "es",
    "grc": "el",
    "hbo": "he",
    "pcm": "en",
    "sdh": "ku",
    "uzs": "uz",
}
# Languages of one script whose texts are taken for each other's, however long: each finds both
TAKEN = ({"bo", "dz"}, {"am", "ti"}, {"he", "yi"})


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify(text: str) -> tuple[str, float]:
    """ISO 639-1 code and probability of the text's language."""
    code, probability = _identifier().classify(text)
    return str(code), float(probability)


def chance_of(language: str, text: str) -> float:
    """How probable py3langid finds it that a text is in a language, given by its ISO 639-1 code."""
    return float(dict(_identifier().rank(text)).get(language, 0.0))


def language_of(text: str) -> str:
    """The language that a passage is in.

    Args:
        text: of any length.

    Returns:
        ISO 639-1 (or 639-3 where it has no shorter code); `und-` and the script where several
        languages may be meant.
    """
    script = script_of(text)
    unknown = f"{UNKNOWN}-{script}"
    if script == "Zyyy":
        return unknown
    own = WRITTEN.get(script, "").split()
    if len(own) == 1:
        return own[0]
    size = weight("".join(letters_of(text)))
    if size < (HAN if script == "Hani" else SHORT):
        return unknown
    if script == "Hani":
        own = ["zh", "wuu", "yue"]
    chances: dict[str, float] = {}
    for code, chance in _identifier().rank(text):
        if (code in own) if own else _latin(code):
            chances[code] = float(chance)
    for code, wider in VARIETIES.items():
        if chances.get(code, 1.0) < LIKELY and wider in chances:
            chances[wider] += chances.pop(code)
    total = sum(chances.values())
    best = max(chances, key=lambda code: chances[code], default="zxx")
    sure = total > 0 and chances[best] >= LIKELY * total and best != "zxx"
    return best if sure else unknown


def asked_languages(name: str) -> list[str]:
    """What `language_of` may have said of a passage in a language named `de`, `deu` or `deu_Latn`.

    Args:
        name: a code with or without its script.

    Returns:
        The language, varieties of it, what it is taken for, and the `und-` of its scripts.

    Raises:
        LusiferError: for a language that is none of those told apart.
    """
    code = _code(name, {*_identifier().labels, *" ".join(WRITTEN.values()).split()})
    scripts = [script for script, codes in WRITTEN.items() if code in codes.split()]
    if not scripts or code in LATIN_TOO:
        scripts.append("Latn")
    found = {variety for variety, wider in VARIETIES.items() if code == wider}
    found |= {VARIETIES[code]} if code in VARIETIES else set()
    found |= {other for pair in TAKEN if code in pair for other in pair} - {code}
    return [code, *sorted(found), *(f"{UNKNOWN}-{script}" for script in scripts)]


@cache
def _latin(code: str) -> bool:
    return code in LATIN_TOO or not any(code in codes.split() for codes in WRITTEN.values())


def foreign(text: str, language: str = "en", sure: float = SURE) -> str | None:
    """The other language that this text is surely in, or None where it is `language`, or too short
    to say.
    """
    letters = [c for c in text if c.isalpha()]
    if len(letters) < MIN_LETTERS:
        latin = sum(c < "\u0250" for c in letters)
        if language == "en" and len(letters) >= 4 and latin < len(letters) / 2:
            return "another script"
        return None
    code, probability = identify(text)
    return code if code != language and probability >= sure else None


THREE_LETTERS = dict(
    pair.split(":")
    for pair in (
        "bod:bo ckb:ku div:dv kas:ks tir:ti ydd:yi yid:yi "
        "afr:af amh:am ara:ar arb:ar arg:an asm:as aze:az azj:az azb:az bak:ba bel:be bul:bg ben:bn bre:br bos:bs cat:ca ces:cs "
        "cym:cy dan:da deu:de dzo:dz ell:el eng:en epo:eo spa:es est:et ekk:et eus:eu fas:fa pes:fa prs:fa fin:fi fao:fo fra:fr "
        "fry:fy gle:ga gla:gd glg:gl guj:gu hau:ha heb:he hin:hi hrv:hr hat:ht hun:hu hye:hy ind:id ibo:ig isl:is ita:it jpn:ja "
        "jav:jv kat:ka kaz:kk khm:km kan:kn kor:ko kur:ku kmr:ku kir:ky lat:la ltz:lb lug:lg lin:ln lao:lo lit:lt lav:lv lvs:lv "
        "mlg:mg plt:mg mkd:mk mal:ml mon:mn khk:mn mar:mr msa:ms zsm:ms mlt:mt mya:my nep:ne npi:ne nld:nl nno:nn nob:no nor:no "
        "oci:oc orm:om ory:or ori:or pan:pa pol:pl pus:ps pbt:ps por:pt que:qu quy:qu ron:ro rus:ru kin:rw san:sa sme:se sin:si "
        "slk:sk slv:sl sna:sn som:so sqi:sq als:sq srp:sr sot:st swe:sv swa:sw swh:sw tam:ta tel:te tgk:tg tha:th tuk:tk tgl:tl "
        "fil:tl tur:tr tat:tt uig:ug ukr:uk urd:ur uzb:uz uzn:uz vie:vi vol:vo wln:wa xho:xh yor:yo zho:zh cmn:zh zul:zu"
    ).split()
)


def iso_code(name: str) -> str:
    """The code that `identify` gives for a language named `de`, `deu` or `deu_Latn`. Raises
    LusiferError for an unknown one.
    """
    return _code(name, set(_identifier().labels))


def _code(name: str, known: set[str]) -> str:
    code = name.lower().replace("-", "_").partition("_")[0]
    code = THREE_LETTERS.get(code, code)
    if code not in known:
        raise LusiferError(
            f"language {name!r} is none that is told apart; use a code such as de, deu or deu_Latn (known: {' '.join(sorted(known))})"
        )
    return code
