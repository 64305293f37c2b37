"""An index of passages in any language, questions to it, and bitext mining."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
