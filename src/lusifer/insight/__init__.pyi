"""What other packages use of this one; all else in it is its own."""

from .align_documents import (
    AlignedPair as AlignedPair,
    align_documents as align_documents,
)
from .align_sentences import (
    AlignedSentences as AlignedSentences,
    align_sentences as align_sentences,
)
from .align_words import (
    align_words as align_words,
)
from .classifier import (
    Classifier as Classifier,
    Prediction as Prediction,
)
from .classify_files import (
    classify_files as classify_files,
)
from .cluster import (
    Clusters as Clusters,
    ClusterSettings as ClusterSettings,
    cluster_vectors as cluster_vectors,
)
from .cluster_files import (
    ClusterReport as ClusterReport,
    cluster_files as cluster_files,
)
from .cluster_names import (
    Cluster as Cluster,
)
from .examples import (
    Example as Example,
    TextWithExamples as TextWithExamples,
    nearest_examples as nearest_examples,
)
from .labelled import (
    Labelled as Labelled,
    read_labelled as read_labelled,
)
from .plane import (
    groups_of as groups_of,
    on_a_plane as on_a_plane,
    without_language as without_language,
)
from .teach import (
    Teaching as Teaching,
    evaluate_classifier as evaluate_classifier,
    train_classifier as train_classifier,
)
from .word_states import (
    split_words as split_words,
)
