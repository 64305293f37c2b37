"""Make training data better: negatives mined, rows filtered, pairs written, each with a report of what was dropped and why."""

from lusifer.curate.chat import Endpoint
from lusifer.curate.negatives import Mining
from lusifer.curate.report import Report
from lusifer.curate.steps import filter_pairs, mine_negatives, structure_pairs, synthesize_pairs

__all__ = ["Endpoint", "Mining", "Report", "filter_pairs", "mine_negatives", "structure_pairs", "synthesize_pairs"]
