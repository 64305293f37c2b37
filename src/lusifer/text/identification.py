"""Is a text in the language that a recipe promises? By py3langid (offline), on texts long enough to
tell.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lusifer.errors import LusiferError

MIN_LETTERS = 40  # below this, identification of a single sentence is a guess
SURE = 0.99


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify(text: str) -> tuple[str, float]:
    """ISO 639-1 code and probability of the text's language."""
    code, probability = _identifier().classify(text)
    return str(code), float(probability)


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
    known = _identifier().labels
    code = name.lower().replace("-", "_").partition("_")[0]
    code = THREE_LETTERS.get(code, code)
    if code not in known:
        raise LusiferError(
            f"language {name!r} is none that is told apart; use a code such as de, deu or deu_Latn (known: {' '.join(sorted(known))})"
        )
    return code
