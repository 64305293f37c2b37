"""The public API: every verb, and every type that a verb takes or returns."""

from . import curation as curation
from .curation import (
    CurationReport as CurationReport,
    Endpoint as Endpoint,
    Mining as Mining,
    Pivot as Pivot,
    filter_pairs as filter_pairs,
    mine_negatives as mine_negatives,
    pivot_pairs as pivot_pairs,
    structure_pairs as structure_pairs,
    synthesize_pairs as synthesize_pairs,
)
from .data import ValidationReport as ValidationReport, validate as validate
from .encoding import (
    EncodedCorpus as EncodedCorpus,
    encode as encode,
    encode_stream as encode_stream,
    read_vectors as read_vectors,
)
from .errors import (
    ConfigError as ConfigError,
    DataError as DataError,
    LusiferError as LusiferError,
    MissingExtra as MissingExtra,
    ModelError as ModelError,
)
from .evaluation import (
    Score as Score,
    Task as Task,
    diagnose as diagnose,
    evaluate as evaluate,
    task_from_file as task_from_file,
)
from .insight import (
    AlignedPair as AlignedPair,
    AlignedSentences as AlignedSentences,
    Classifier as Classifier,
    Cluster as Cluster,
    ClusterReport as ClusterReport,
    Clusters as Clusters,
    ClusterSettings as ClusterSettings,
    Example as Example,
    Labelled as Labelled,
    Prediction as Prediction,
    Teaching as Teaching,
    TextWithExamples as TextWithExamples,
    align_documents as align_documents,
    align_sentences as align_sentences,
    align_words as align_words,
    classify_files as classify_files,
    cluster_files as cluster_files,
    cluster_vectors as cluster_vectors,
    evaluate_classifier as evaluate_classifier,
    nearest_examples as nearest_examples,
    read_labelled as read_labelled,
    train_classifier as train_classifier,
)
from .models import (
    BaseEmbedder as BaseEmbedder,
    Embedder as Embedder,
    LoadedModel as LoadedModel,
    load as load,
    load_reranker as load_reranker,
    sentence_transformer as sentence_transformer,
)
from .reshaping import (
    Combining as Combining,
    Evening as Evening,
    ExtendReport as ExtendReport,
    LanguageChange as LanguageChange,
    MapReport as MapReport,
    Parity as Parity,
    TrimReport as TrimReport,
    WhitenReport as WhitenReport,
    combine as combine,
    ensemble as ensemble,
    export as export,
    extend_vocabulary as extend_vocabulary,
    map_vectors as map_vectors,
    merge as merge,
    prune_layers as prune_layers,
    trim_vocabulary as trim_vocabulary,
    whiten_vectors as whiten_vectors,
)
from .search import (
    BitextPair as BitextPair,
    Filter as Filter,
    Forgotten as Forgotten,
    Hit as Hit,
    Index as Index,
    IndexedFile as IndexedFile,
    IndexReport as IndexReport,
    Passage as Passage,
    Sample as Sample,
    langchain_retriever as langchain_retriever,
    llama_index_retriever as llama_index_retriever,
    mine_bitext as mine_bitext,
    search_all as search_all,
)
from .serving import Limits as Limits, create_app as create_app, serve as serve
from .training import plan as plan, train as train
from .version import __version__ as __version__

curate = curation  # what the package was called before
