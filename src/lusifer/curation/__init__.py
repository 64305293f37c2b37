"""Make training data better: negatives mined, rows filtered, pairs written, each with a report of
what was dropped and why.
"""

from lusifer.curation.chat import Endpoint
from lusifer.curation.negatives import Mining
from lusifer.curation.report import CurationReport
from lusifer.curation.steps import filter_pairs, mine_negatives, structure_pairs, synthesize_pairs

__all__ = [
    "CurationReport",
    "Endpoint",
    "Mining",
    "filter_pairs",
    "mine_negatives",
    "structure_pairs",
    "synthesize_pairs",
]
