"""What other packages use of this one; all else in it is its own."""

from .chat import (
    Endpoint as Endpoint,
)
from .filters.sanity import (
    Lengths as Lengths,
)
from .negatives import (
    Mining as Mining,
)
from .pairs import (
    read_pairs as read_pairs,
)
from .pivot import (
    Pivot as Pivot,
    pivot_pairs as pivot_pairs,
)
from .report import (
    CurationReport as CurationReport,
)
from .steps import (
    filter_pairs as filter_pairs,
    mine_negatives as mine_negatives,
    preview as preview,
    structure_pairs as structure_pairs,
    synthesize_pairs as synthesize_pairs,
)
from .templates import (
    TEMPLATES as TEMPLATES,
    load_template as load_template,
    template_names as template_names,
)
