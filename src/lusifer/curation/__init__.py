"""Make training data better: negatives mined, rows filtered, pairs written, each with a report of what was dropped and why."""

from lusifer.curation.chat import Endpoint
from lusifer.curation.negatives import Mining
from lusifer.curation.report import Report
from lusifer.curation.steps import filter_pairs, mine_negatives, structure_pairs, synthesize_pairs

__all__ = ["Endpoint", "Mining", "Report", "filter_pairs", "mine_negatives", "structure_pairs", "synthesize_pairs"]
