"""What other packages use of this one; all else in it is its own."""

from .codes import (
    ENGLISH as ENGLISH,
    TATOEBA_36 as TATOEBA_36,
    Languages as Languages,
)
from .identification import (
    MIN_LETTERS as MIN_LETTERS,
    foreign as foreign,
    identify as identify,
    iso_code as iso_code,
)
from .names import (
    english_name as english_name,
)
from .sentences import (
    passages as passages,
    sentences as sentences,
)
from .words import (
    terms as terms,
)
