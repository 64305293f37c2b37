"""What other packages use of this one; all else in it is its own."""

from .codes import (
    ENGLISH as ENGLISH,
    TATOEBA_36 as TATOEBA_36,
    Languages as Languages,
    code_of as code_of,
)
from .comparable import (
    comparable as comparable,
)
from .identification import (
    MIN_LETTERS as MIN_LETTERS,
    UNKNOWN as UNKNOWN,
    asked_languages as asked_languages,
    chance_of as chance_of,
    foreign as foreign,
    iso_code as iso_code,
    language_of as language_of,
)
from .names import (
    english_name as english_name,
    short_name as short_name,
)
from .scripts import (
    in_script as in_script,
    script_of as script_of,
)
from .sentences import (
    WIDE as WIDE,
    passages as passages,
    sentences as sentences,
    weight as weight,
)
from .transliteration import (
    latin as latin,
)
from .unwrap import (
    unwrap as unwrap,
)
from .visible import (
    half_characters as half_characters,
    on_one_line as on_one_line,
    printable as printable,
    visible as visible,
)
from .words import (
    query_terms as query_terms,
    terms as terms,
)
