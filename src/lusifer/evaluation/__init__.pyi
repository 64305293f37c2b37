"""What other packages use of this one; all else in it is its own."""

from . import run as run
from .catalog import (
    chosen_tasks as chosen_tasks,
)
from .compare import (
    compare as compare,
    missing_scores as missing_scores,
)
from .contamination import (
    declared as declared,
    wants_prompts as wants_prompts,
    zero_shot as zero_shot,
)
from .diagnostics.diagnose import (
    diagnose as diagnose,
)
from .mteb_any import (
    MtebRun as MtebRun,
    mteb_means as mteb_means,
    mteb_run as mteb_run,
)
from .mteb_benchmark import (
    BENCHMARKS as BENCHMARKS,
    BenchmarkSet as BenchmarkSet,
    Mean as Mean,
    benchmark as benchmark,
    benchmark_sets as benchmark_sets,
    means as means,
)
from .outcomes import (
    Outcome as Outcome,
)
from .own_set import (
    task_from_file as task_from_file,
)
from .report.page import (
    gather_results as gather_results,
    write_page as write_page,
)
from .report.tables import (
    SEEN as SEEN,
    score_table as score_table,
)
from .reranked import (
    Sorter as Sorter,
)
from .run import (
    DIAGNOSIS as DIAGNOSIS,
    claim as claim,
    evaluate as evaluate,
)
from .scores import (
    Measured as Measured,
    Score as Score,
    resamples as resamples,
)
from .tasks import (
    Bitext as Bitext,
    Classification as Classification,
    Clustering as Clustering,
    PairClassification as PairClassification,
    Reranking as Reranking,
    Retrieval as Retrieval,
    Similarity as Similarity,
)
from .tasks.kinds import (
    Task as Task,
)
