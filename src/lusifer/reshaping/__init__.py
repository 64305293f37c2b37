"""Another form of a model without training: merged, combined, trimmed, whitened, quantized,
exported.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
