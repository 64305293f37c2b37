"""What other packages use of this one; all else in it is its own."""

from .combine import (
    Combining as Combining,
    combine as combine,
)
from .ensemble import (
    ensemble as ensemble,
)
from .merge import (
    merge as merge,
)
from .onnx_export import (
    Parity as Parity,
    export as export,
)
from .onnx_graph import trace as trace
from .trim import (
    count_pieces as count_pieces,
    trim as trim,
    wanted_pieces as wanted_pieces,
)
from .whiten import (
    whitening as whitening,
)
