"""Make training data better: negatives mined, rows filtered, pairs written, each with a report of
what was dropped and why.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
