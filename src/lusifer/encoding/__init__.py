"""Texts to vectors, many at a time: bulk runs that resume, a cache on disk, exact neighbors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
