"""Training: one file a stage in `stages/`, one file a loss in `losses/`, and what all stages share
beside them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
