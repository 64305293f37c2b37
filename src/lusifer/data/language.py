"""Is a text in the language that a recipe promises? By py3langid (offline), on texts long enough to tell."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from lusifer.data.readers import Row
from lusifer.errors import DataError, LusiferError

MIN_LETTERS = 40  # below this, identification of a single sentence is a guess
SURE = 0.99
LIKELY = 0.9  # enough where most of a file's blocks must agree
BLOCK = 240


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify(text: str) -> tuple[str, float]:
    """ISO 639-1 code and probability of the text's language."""
    code, probability = _identifier().classify(text)
    return str(code), float(probability)


def foreign(text: str, language: str = "en", sure: float = SURE) -> str | None:
    """The other language that this text is surely in, or None where it is `language`, or too short to say."""
    letters = [c for c in text if c.isalpha()]
    if len(letters) < MIN_LETTERS:
        latin = sum(c < "\u0250" for c in letters)
        if language == "en" and len(letters) >= 4 and latin < len(letters) / 2:
            return "another script"
        return None
    code, probability = identify(text)
    return code if code != language and probability >= sure else None


def refuse_foreign(rows: Iterable[Row], columns: tuple[str, ...], tolerance: float = 0.02, sample: int = 200) -> None:
    """Check about `sample` rows of each file, evenly spread; raise DataError at the first one where too many are not English.

    A lone borrowed title is no reason to refuse a file, so a file may hold up to `tolerance` of them. Texts too short to
    tell by themselves are told together, `BLOCK` letters at a time; there most blocks must be foreign.
    """
    by_file: dict[str, list[Row]] = {}
    for row in rows:
        by_file.setdefault(row.path, []).append(row)
    for group in by_file.values():
        checked = group[:: max(1, len(group) // sample)]
        texts = [(r, r.values[c]) for r in checked for c in columns if c in r.values]
        found = [(r, other, t) for r, t in texts if (other := foreign(t))]
        if len(found) > max(tolerance * len(checked), 0 if len(checked) < 20 else 1):
            _refuse(*found[0], f"{len(found)} of {len(checked)} checked rows are")
        blocks = _blocks([(r, t) for r, t in texts if sum(c.isalpha() for c in t) < MIN_LETTERS])
        strange = [(r, other, t) for r, t in blocks if (other := foreign(t, sure=LIKELY))]
        if len(strange) > len(blocks) / 2:
            _refuse(*strange[0], "short texts taken together")


def _refuse(row: Row, other: str, text: str, how: str) -> None:
    raise DataError(row.path, row.line, f"the recipe says english_only, but this text is in {other!r} ({how}): {text[:60]!r}")


def _blocks(texts: list[tuple[Row, str]]) -> list[tuple[Row, str]]:
    """Short texts joined, one after the other, to `BLOCK` letters each; a rest long enough to tell counts too."""
    blocks: list[tuple[Row, str]] = []
    first, held = None, ""
    for row, text in texts:
        first, held = first or row, f"{held}\n{text}".strip()
        if len(held) >= BLOCK:
            blocks.append((first, held))
            first, held = None, ""
    if first is not None and len(held) > 2 * MIN_LETTERS:
        blocks.append((first, held))
    return blocks


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
    """The code that `identify` gives for a language named `de`, `deu` or `deu_Latn`. Raises LusiferError for an unknown one."""
    known = _identifier().labels
    code = name.lower().replace("-", "_").partition("_")[0]
    code = THREE_LETTERS.get(code, code)
    if code not in known:
        raise LusiferError(
            f"language {name!r} is none that is told apart; use a code such as de, deu or deu_Latn (known: {' '.join(sorted(known))})"
        )
    return code
