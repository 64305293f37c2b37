"""What other packages use of this one; all else in it is its own."""

from .bulk import (
    EncodedCorpus as EncodedCorpus,
    encode as encode,
    read_shards as read_shards,
    read_vectors as read_vectors,
)
from .cache import (
    CachedRows as CachedRows,
    Encoder as Encoder,
    checked as checked,
)
from .check import (
    check_vectors as check_vectors,
)
from .neighbors import (
    BLOCK as BLOCK,
    ROUNDING as ROUNDING,
    Ints as Ints,
    Tell as Tell,
    VectorRows as VectorRows,
    margins as margins,
    nearest as nearest,
    nearest_of as nearest_of,
    ranks as ranks,
)
from .rows import (
    Corpus as Corpus,
)
from .stream import (
    encode_stream as encode_stream,
)
