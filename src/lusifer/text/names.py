"""Languages' English names by ISO 639-3, as an LLM is told them; scripts' by ISO 15924, where a
language has several.
"""

from __future__ import annotations

_NAMES = (
    "afr:Afrikaans als:Albanian amh:Amharic arb:Arabic ara:Arabic asm:Assamese ast:Asturian azj:Azerbaijani aze:Azerbaijani bak:Bashkir "
    "bel:Belarusian ben:Bengali bod:Tibetan bos:Bosnian bre:Breton bul:Bulgarian cat:Catalan ceb:Cebuano ces:Czech ckb:Central_Kurdish "
    "cym:Welsh dan:Danish deu:German dzo:Dzongkha ell:Greek eng:English epo:Esperanto est:Estonian eus:Basque ewe:Ewe fao:Faroese "
    "fin:Finnish fra:French fry:West_Frisian fuv:Fulfulde gaz:Oromo gla:Scottish_Gaelic gle:Irish glg:Galician grn:Guarani guj:Gujarati "
    "hat:Haitian_Creole hau:Hausa heb:Hebrew hin:Hindi hrv:Croatian hun:Hungarian hye:Armenian ibo:Igbo ilo:Ilocano ind:Indonesian "
    "isl:Icelandic ita:Italian jav:Javanese jpn:Japanese kan:Kannada kas:Kashmiri kat:Georgian kaz:Kazakh khk:Mongolian khm:Khmer "
    "kin:Kinyarwanda kir:Kyrgyz kmr:Kurmanji kor:Korean lao:Lao lat:Latin lin:Lingala lit:Lithuanian ltz:Luxembourgish lug:Luganda "
    "lvs:Latvian lav:Latvian mai:Maithili mal:Malayalam mar:Marathi mkd:Macedonian mlt:Maltese mri:Maori mya:Burmese nld:Dutch "
    "nno:Norwegian_Nynorsk nob:Norwegian npi:Nepali nep:Nepali nya:Chichewa oci:Occitan ory:Odia pan:Punjabi pbt:Pashto pes:Persian "
    "fas:Persian plt:Malagasy pol:Polish por:Portuguese prs:Dari quy:Quechua ron:Romanian rus:Russian sag:Sango san:Sanskrit sin:Sinhala "
    "slk:Slovak slv:Slovenian smo:Samoan sna:Shona snd:Sindhi som:Somali sot:Sesotho spa:Spanish srd:Sardinian srp:Serbian "
    "ssw:Swati sun:Sundanese swe:Swedish swh:Swahili swa:Swahili tam:Tamil tat:Tatar tel:Telugu tgk:Tajik tgl:Tagalog tha:Thai "
    "tir:Tigrinya tsn:Setswana tso:Tsonga tuk:Turkmen tur:Turkish twi:Twi uig:Uyghur ukr:Ukrainian urd:Urdu uzn:Uzbek vie:Vietnamese "
    "war:Waray wol:Wolof xho:Xhosa ydd:Yiddish yor:Yoruba zho:Chinese zsm:Malay zul:Zulu"
)
NAMES = {
    code: name.replace("_", " ") for code, name in (pair.split(":") for pair in _NAMES.split())
}
# scripts that are named beside a language because readers of it use more than one
SCRIPTS = {"Hans": "simplified characters", "Hant": "traditional characters"}
_BOTH = {
    ("srp", "Latn"): "Latin script",
    ("srp", "Cyrl"): "Cyrillic script",
    ("uzn", "Cyrl"): "Cyrillic script",
}


def english_name(language: str) -> str:
    """`deu_Latn` → German, `zho_Hans` → Chinese (simplified characters); a code that is not known
    stays as it is.
    """
    code, _, script = language.partition("_")
    name = NAMES.get(code, language)
    more = SCRIPTS.get(script) or _BOTH.get((code, script))
    return f"{name} ({more})" if more else name
