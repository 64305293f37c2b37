"""The kinds of task, each a way to score vectors; a set of your own is one of them with a reader."""

from lusifer.evaluation.tasks.kinds import (
    Bitext,
    Classification,
    Clustering,
    PairClassification,
    Reranking,
    Retrieval,
    Similarity,
    Task,
)

__all__ = [
    "Bitext",
    "Classification",
    "Clustering",
    "PairClassification",
    "Reranking",
    "Retrieval",
    "Similarity",
    "Task",
]
