"""Models: the one seam (`Embedder`), what loads them, what runs them, and the bridge."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
