"""What other packages use of this one; all else in it is its own."""

from .bitext import (
    LEAD as LEAD,
    BitextPair as BitextPair,
    mine_bitext as mine_bitext,
)
from .index import (
    Index as Index,
)
from .passages import (
    Passage as Passage,
    Sample as Sample,
)
from .query import (
    Filter as Filter,
    Hit as Hit,
    Mode as Mode,
)
from .remove import (
    Forgotten as Forgotten,
    IndexedFile as IndexedFile,
)
from .retrievers import (
    langchain_retriever as langchain_retriever,
    llama_index_retriever as llama_index_retriever,
)
from .several import (
    search_all as search_all,
)
from .table import (
    is_index as is_index,
)
from .update import IndexReport as IndexReport
