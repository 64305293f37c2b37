"""What other packages use of this one; all else in it is its own."""

from .codeswitch import (
    CodeSwitch as CodeSwitch,
    Switcher as Switcher,
)
from .draw import (
    Drawn as Drawn,
    write_drawn as write_drawn,
)
from .english_only import (
    english_rows as english_rows,
    refuse_foreign as refuse_foreign,
)
from .formats import (
    Format as Format,
    Problem as Problem,
    Row as Row,
    Section as Section,
    ending as ending,
    file_formats as file_formats,
    format_of as format_of,
    lines as lines,
    scan_lines as scan_lines,
)
from .formats.html import (
    HTML as HTML,
    blocks as blocks,
)
from .mixing import (
    Mix as Mix,
    Mixing as Mixing,
)
from .row_store import (
    KeySets as KeySets,
    RowStore as RowStore,
)
from .rows import (
    read_rows as read_rows,
    scan_rows as scan_rows,
)
from .sections import (
    sections as sections,
)
from .sources import (
    Source as Source,
    read_source as read_source,
    require as require,
)
from .token_store import (
    Ids as Ids,
    TokenStore as TokenStore,
    pad as pad,
)
from .validate import (
    ValidationReport as ValidationReport,
    validate as validate,
)
