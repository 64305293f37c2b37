"""Languages as users name them: `hi`, `hin` or `hin_Deva`. Files and results have the last: ISO
639-3 and ISO 15924.

A group has a name too: `tatoeba-36`, the 36 languages that XTREME chose of Tatoeba.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lusifer.errors import LusiferError

ENGLISH = "eng_Latn"
TATOEBA_36 = tuple(
    "afr_Latn arb_Arab ben_Beng bul_Cyrl deu_Latn ell_Grek spa_Latn est_Latn eus_Latn fin_Latn fra_Latn heb_Hebr hin_Deva hun_Latn "
    "ind_Latn ita_Latn jav_Latn jpn_Jpan kat_Geor kaz_Cyrl kor_Kore mal_Mlym mar_Deva nld_Latn pes_Arab por_Latn rus_Cyrl swh_Latn "
    "tam_Taml tel_Telu tgl_Latn tha_Thai tur_Latn urd_Arab vie_Latn zho_Hans".split()
)
GROUPS = {"tatoeba-36": (*TATOEBA_36, ENGLISH)}
_TWO = (  # ISO 639-1 to the individual language that the files hold
    "af:afr am:amh ar:arb as:asm ay:ayr az:azj ba:bak be:bel bg:bul bm:bam bn:ben bo:bod br:bre bs:bos ca:cat cs:ces cy:cym "
    "da:dan de:deu dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:pes ff:fuv fi:fin fj:fij fo:fao fr:fra fy:fry ga:gle "
    "gd:gla gl:glg gn:grn gu:guj ha:hau he:heb hi:hin hr:hrv ht:hat hu:hun hy:hye id:ind ig:ibo is:isl it:ita ja:jpn jv:jav ka:kat "
    "kg:kon ki:kik kk:kaz km:khm kn:kan ko:kor ks:kas ku:kmr kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lv:lvs "
    "mg:plt mi:mri mk:mkd ml:mal mn:khk mr:mar ms:zsm mt:mlt my:mya nb:nob ne:npi nl:nld nn:nno no:nob ny:nya oc:oci om:gaz or:ory "
    "pa:pan pl:pol ps:pbt pt:por qu:quy rn:run ro:ron ru:rus rw:kin sa:san sc:srd sd:snd sg:sag si:sin sk:slk sl:slv sm:smo sn:sna "
    "so:som sq:als sr:srp ss:ssw st:sot su:sun sv:swe sw:swh ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur "
    "ts:tso tt:tat tw:twi ug:uig uk:ukr ur:urd uz:uzn ve:ven vi:vie wo:wol xh:xho yi:ydd yo:yor zh:zho zu:zul"
)
TWO = dict(pair.split(":") for pair in _TWO.split())


def code_of(written: str) -> str:
    """A language as files name it.

    Args:
        written: as somebody wrote it: `hi`, `hin`, `hin_Deva`, or anything.

    Returns:
        ISO 639-3, with its script where one was written, or it is English; what is no code as it is.
    """
    try:
        (code, *_) = Languages.of([written.strip()]).names or (written,)
    except LusiferError:
        return written
    return ENGLISH if code == ENGLISH[:3] else code


@dataclass(frozen=True)
class Languages:
    """The languages that are asked for, as files name them or without script; all, without names."""

    names: tuple[str, ...] | None = None
    named: tuple[
        str, ...
    ] = ()  # those that the user wrote, and must be there; a group may lack some

    @classmethod
    def of(cls, names: Sequence[str] | None) -> Languages:
        """From what a user writes. Raises LusiferError for what cannot be a language's code."""
        if not names:
            return cls()
        codes: list[str] = []
        for name in names:
            if (
                not re.fullmatch(r"[a-z]{2}|[a-z]{3}|[a-z]{3}_[A-Z][a-z]{3}", name)
                and name not in GROUPS
            ):
                raise LusiferError(
                    f"no language is called {name!r}; codes are e.g. hi, hin or hin_Deva, or a group: {', '.join(GROUPS)}"
                )
            if len(name) == 2 and name not in TWO:
                raise LusiferError(
                    f"no language is called {name!r}, as far as we know; write ISO 639-3 and script, e.g. hin_Deva"
                )
            codes += GROUPS.get(name, (TWO.get(name, name),))
        return cls(
            tuple(dict.fromkeys(codes)),
            tuple(TWO.get(name, name) for name in names if name not in GROUPS),
        )

    def __contains__(self, language: str) -> bool:
        """Whether a language is asked for; of a pair with English, such as `es-en`, the other one."""
        foreign = [side for side in sides(language) if side != "eng"] or ["eng"]
        return (
            self.names is None
            or language in self.names
            or all(_among(side, language, self.names) for side in foreign)
        )

    def among(self, groups: Mapping[str, Any]) -> list[str]:
        """Those of the groups that are asked for, in order."""
        return [language for language in sorted(groups) if language in self]

    def missing(self, found: Iterable[str]) -> list[str]:
        """Those that the user named and none of the languages found is."""
        found = list(found)
        return [
            name
            for name in self.named
            if not any(language in Languages((name,)) for language in found)
        ]

    def check(self, found: Iterable[str]) -> None:
        """Raise LusiferError for the first that is missing."""
        for name in self.missing(found):
            raise LusiferError(
                f"no task asked for has the language {name!r}; codes are e.g. hi, hin or hin_Deva"
            )


def sides(language: str) -> tuple[str, ...]:
    """ISO 639-3 of a language, or of both of a pair."""
    return tuple(TWO.get(side, side.split("_")[0]) for side in language.split("-"))


def _among(side: str, language: str, names: tuple[str, ...]) -> bool:
    """Whether a name means this side; a name with a script means that script alone where the file
    says one.
    """
    return any(
        name == side or ("_" not in language and name.split("_")[0] == side) for name in names
    )
