"""What other packages use of this one; all else in it is its own."""

from .combine import (
    Combining as Combining,
    combine as combine,
)
from .compared import (
    LanguageChange as LanguageChange,
)
from .ensemble import (
    ensemble as ensemble,
)
from .extend import (
    ExtendReport as ExtendReport,
    extend_vocabulary as extend_vocabulary,
)
from .linear_map import (
    before_normalizing as before_normalizing,
    fit as fit,
    linear as linear,
    put_linear as put_linear,
)
from .map_files import (
    MapReport as MapReport,
    map_vectors as map_vectors,
)
from .merge import (
    merge as merge,
)
from .onnx_export import (
    Parity as Parity,
    export as export,
)
from .onnx_graph import trace as trace
from .pieces import (
    count_pieces as count_pieces,
    wanted_pieces as wanted_pieces,
)
from .prune import (
    prune_layers as prune_layers,
)
from .trim import (
    trim as trim,
)
from .trim_files import (
    TrimReport as TrimReport,
    trim_vocabulary as trim_vocabulary,
)
from .whiten import (
    Evening as Evening,
    anisotropy as anisotropy,
    outliers as outliers,
    whitening as whitening,
)
from .whiten_files import (
    WhitenReport as WhitenReport,
    whiten_vectors as whiten_vectors,
)
