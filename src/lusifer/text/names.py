"""Languages' English names by ISO 639-3, as an LLM is told them; scripts' by ISO 15924, where a
language has several.
"""

from __future__ import annotations

from lusifer.text.codes import TWO

_NAMES = (
    "ace:Acehnese acm:Mesopotamian_Arabic acq:Taizzi-Adeni_Arabic aeb:Tunisian_Arabic afr:Afrikaans ajp:South_Levantine_Arabic "
    "aka:Akan als:Albanian amh:Amharic ang:Old_English apc:North_Levantine_Arabic ara:Arabic arb:Arabic arq:Algerian_Arabic "
    "ars:Najdi_Arabic ary:Moroccan_Arabic arz:Egyptian_Arabic asm:Assamese ast:Asturian awa:Awadhi ayr:Aymara azb:South_Azerbaijani "
    "aze:Azerbaijani azj:Azerbaijani bak:Bashkir bam:Bambara ban:Balinese bel:Belarusian bem:Bemba ben:Bengali bho:Bhojpuri "
    "bjn:Banjar bod:Tibetan bos:Bosnian bre:Breton bug:Buginese bul:Bulgarian cat:Catalan cbk:Chavacano ceb:Cebuano ces:Czech "
    "cha:Chamorro cjk:Chokwe ckb:Central_Kurdish cor:Cornish crh:Crimean_Tatar csb:Kashubian cym:Welsh dan:Danish deu:German "
    "dik:Dinka dsb:Lower_Sorbian dtp:Kadazan_Dusun dyu:Dyula dzo:Dzongkha ell:Greek eng:English epo:Esperanto est:Estonian eus:Basque "
    "ewe:Ewe fao:Faroese fas:Persian fij:Fijian fil:Filipino fin:Finnish fon:Fon fra:French fry:West_Frisian fur:Friulian "
    "fuv:Fulfulde gaz:Oromo gla:Scottish_Gaelic gle:Irish glg:Galician grn:Guarani gsw:Swiss_German guj:Gujarati hat:Haitian_Creole "
    "hau:Hausa heb:Hebrew hin:Hindi hmn:Hmong hne:Chhattisgarhi hrv:Croatian hsb:Upper_Sorbian hun:Hungarian hye:Armenian ibo:Igbo "
    "ido:Ido ile:Interlingue ilo:Ilocano ina:Interlingua ind:Indonesian isl:Icelandic ita:Italian jav:Javanese jpn:Japanese "
    "kab:Kabyle kac:Jingpho kam:Kamba kan:Kannada kas:Kashmiri kat:Georgian kaz:Kazakh kbp:Kabiye kea:Cape_Verdean_Creole "
    "khk:Mongolian khm:Khmer kik:Kikuyu kin:Kinyarwanda kir:Kyrgyz kmb:Kimbundu kmr:Kurmanji knc:Kanuri kon:Kongo kor:Korean "
    "kzj:Coastal_Kadazan lao:Lao lat:Latin lav:Latvian lfn:Lingua_Franca_Nova lij:Ligurian lim:Limburgish lin:Lingala lit:Lithuanian "
    "lmo:Lombard ltg:Latgalian ltz:Luxembourgish lua:Luba-Kasai lug:Luganda luo:Luo lus:Mizo lvs:Latvian mag:Magahi mai:Maithili "
    "mal:Malayalam mar:Marathi max:North_Moluccan_Malay mhr:Meadow_Mari min:Minangkabau mkd:Macedonian mlt:Maltese mni:Meitei "
    "mos:Mossi mri:Maori mya:Burmese nds:Low_German nep:Nepali nld:Dutch nno:Norwegian_Nynorsk nob:Norwegian nov:Novial npi:Nepali "
    "nqo:N'Ko nso:Northern_Sotho nus:Nuer nya:Chichewa oci:Occitan orv:Old_East_Slavic ory:Odia pag:Pangasinan pam:Kapampangan "
    "pan:Punjabi pap:Papiamento pbt:Pashto pes:Persian plt:Malagasy pms:Piedmontese pol:Polish por:Portuguese prs:Dari quy:Quechua "
    "ron:Romanian run:Rundi rus:Russian sag:Sango san:Sanskrit sat:Santali scn:Sicilian shn:Shan sin:Sinhala slk:Slovak slv:Slovenian "
    "smo:Samoan sna:Shona snd:Sindhi som:Somali sot:Sesotho spa:Spanish srd:Sardinian srp:Serbian ssw:Swati sun:Sundanese swa:Swahili "
    "swe:Swedish swg:Swabian swh:Swahili szl:Silesian tam:Tamil taq:Tamasheq tat:Tatar tel:Telugu tgk:Tajik tgl:Tagalog tha:Thai "
    "tir:Tigrinya ton:Tongan tpi:Tok_Pisin tsn:Setswana tso:Tsonga tuk:Turkmen tum:Tumbuka tur:Turkish twi:Twi tzl:Talossan "
    "tzm:Central_Atlas_Tamazight uig:Uyghur ukr:Ukrainian umb:Umbundu urd:Urdu uzn:Uzbek vec:Venetian ven:Venda vie:Vietnamese "
    "war:Waray wol:Wolof wuu:Wu_Chinese xho:Xhosa ydd:Yiddish yor:Yoruba yue:Cantonese zho:Chinese zsm:Malay zul:Zulu"
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
    """`deu_Latn` or `de` → German, `zho_Hans` → Chinese (simplified characters). A code without a name here
    is told as one: an LLM knows more of ISO 639 than this table.
    """
    code, _, script = language.partition("_")
    code = TWO.get(code, code)
    name = NAMES.get(code, code and f"the language with the ISO 639-3 code {code}")
    more = SCRIPTS.get(script) or _BOTH.get((code, script))
    return f"{name} ({more})" if more else name


def short_name(language: str) -> str:
    """The same for a list to choose from: a code without a name stays as it is."""
    code = language.partition("_")[0]
    return english_name(language) if TWO.get(code, code) in NAMES else language
